"""A user's own images as four CSV files."""

import csv
import re
import warnings
from collections.abc import Generator
from functools import lru_cache
from math import isqrt, nan
from pathlib import Path
from typing import Any

import numpy as np

from src.images.store import MAX_SIDE, MAX_WORD, Images, label
from src.pipeline.files import UserError
from src.pipeline.untrusted import check_file, shown

NO_INDEX = "leave out an index column, and keep labels in their own file"
MAX_BYTES = 2**30  # of a file; Fashion-MNIST's training images are 133 MB of CSV
MAX_LINE = 2**21  # characters
NUMBER = re.compile(r" *\+?\d+(\.\d*)?([eE][-+]?\d+)? *", re.ASCII)


def read_csv(folder: Path) -> Images:
    """Four files with a header line: x_train, x_test (an image a row, pixels 0..255), y_train, y_test (a label a row).

    Labels are whole numbers, or words if the first training label has a letter.

    Raises UserError.
    """
    x_train = read_pixels(folder / "x_train.csv")
    x_test = read_pixels(folder / "x_test.csv", as_train=x_train[0].size)
    words = _has_words(folder / "y_train.csv")
    y_train, y_test = (_labels(folder / f"{name}.csv", words=words) for name in ("y_train", "y_test"))
    for split, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise UserError(f"{folder}/y_{split}.csv: must have one label for each of {len(x)} images. Got {len(y)}.")
    return label(x_train, y_train, x_test, y_test)


def read_pixels(path: Path, as_train: int | None = None) -> np.ndarray:
    """(n, side * side) pixel rows of a CSV file -> (n, side, side) uint8; `as_train`: the columns of x_train.csv."""
    columns = len(_header(path))
    side = isqrt(columns)
    if as_train is not None and columns != as_train:
        raise UserError(f"{path}: must have {as_train} columns, as x_train.csv. Got {columns}; {NO_INDEX}.")
    if side * side != columns:
        raise UserError(f"{path}: must have side x side pixel columns, such as 784. Got {columns}; {NO_INDEX}.")
    if side > MAX_SIDE:
        raise UserError(f"{path}: images must have at most {MAX_SIDE} x {MAX_SIDE} pixels. Got {side} x {side}.")
    return _whole_numbers(path, columns, np.uint8, high=255).reshape(-1, side, side)


def _has_words(path: Path) -> bool:
    """Whether the first label of a file has a letter."""
    _header(path)
    lines = _lines(path)
    next(lines)
    _, row = next(lines, (0, []))
    lines.close()
    return any(map(str.isalpha, "".join(row)))


def _labels(path: Path, *, words: bool) -> np.ndarray:
    """The one column of a CSV file -> (n,) int64, or words."""
    columns = len(_header(path))
    if columns != 1:
        raise UserError(f"{path}: must have the labels in one column. Got {columns} columns; {NO_INDEX}.")
    return _words(path) if words else _whole_numbers(path, columns, np.uint16, high=999)[:, 0].astype(np.int64)


def _words(path: Path) -> np.ndarray:
    """The words below the header line of a CSV file of one column, (n,). Raises UserError."""
    labels = []
    for line, row in _rows(path):
        if len(row) != 1 or not row[0].strip() or len(row[0]) > MAX_WORD:
            must = f"must be one label of at most {MAX_WORD} letters"
            raise UserError(f"{path}: line {line}: {must}. Got {shown(','.join(row)) if row else 'nothing'}.")
        labels.append(row[0].strip())
    return np.array(labels)


def _header(path: Path) -> list[str]:
    """The names in the header line of a CSV file. Raises UserError."""
    try:
        check_file(path, max_bytes=MAX_BYTES)
        lines = _lines(path)
        _, header = next(lines, (0, []))
        lines.close()
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found. fetch.folder must hold x_train.csv, y_train.csv, x_test.csv, y_test.csv."
        ) from None
    if not header:
        raise UserError(f"{path}: must begin with a header line. It is empty.")
    if len(header) == 1 and any(separator in header[0] for separator in ";\t"):
        raise UserError(f"{path}: must have a comma as separator. Its first line has none: {shown(header[0])}")
    # a row of pixels nearly always repeats a value
    if len(set(header)) < len(header) or any(set(name) & set("\r\n") for name in header):
        raise UserError(f"{path}: must begin with a header line of different names. Got {shown(','.join(header))}")
    return header


def _whole_numbers(path: Path, columns: int, dtype: Any, *, high: int) -> np.ndarray:
    """The rows below the header line of a CSV file, each value a whole number in [0, high]. Raises UserError."""
    try:
        with warnings.catch_warnings(action="error", category=UserWarning):  # of an empty file
            rows = np.loadtxt(path, dtype, comments=None, delimiter=",", skiprows=1, ndmin=2, encoding="utf-8-sig")
    except (ValueError, UserWarning):
        return _read_line_by_line(path, columns, dtype, high)
    # NumPy passes over blank lines
    if rows.shape != (_count_lines(path) - 1, columns) or rows.max(initial=0) > high:
        return _read_line_by_line(path, columns, dtype, high)
    return rows


def _count_lines(path: Path) -> int:
    """The number of lines of a file; the last one may lack its end."""
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(2**20):
            lines, last = lines + block.count(b"\n"), block[-1:]
    return lines + (last != b"\n")


def _read_line_by_line(path: Path, columns: int, dtype: Any, high: int) -> np.ndarray:
    """What `_whole_numbers` gives, of numbers in quotes or with a point too; the first one that is wrong is named."""
    rows = []
    for line, row in _rows(path):
        if len(row) > columns:
            raise UserError(f"{path}: line {line}: must be as long as the header line ({columns} names). It is longer.")
        numbers = [*map(_whole_number, row)] + [nan] * (columns - len(row))
        wrong = next((column for column, number in enumerate(numbers) if not number <= high), None)
        if wrong is not None:
            empty = wrong >= len(row) or not row[wrong].strip()
            content = "nothing (a short row or an empty cell)" if empty else shown(row[wrong])
            where = f"{path}: line {line}, column {wrong + 1}"
            raise UserError(f"{where}: must be a whole number from 0 to {high}. Got {content}.")
        rows.append(np.array(numbers, dtype))
    if not rows:
        raise UserError(f"{path}: must have rows below the header line. Got none.")
    return np.array(rows)


@lru_cache(maxsize=2**14)
def _whole_number(cell: str) -> float:
    """The number in a cell; NaN where there is none that is whole and not negative."""
    return float(cell) if NUMBER.fullmatch(cell) and float(cell).is_integer() else nan


def _rows(path: Path) -> Generator[tuple[int, list[str]]]:
    """Number and values of each line below the header line; of blank ones the first, unless only such follow."""
    lines, blank = _lines(path), 0
    next(lines)
    for line, row in lines:
        if not row:
            blank = blank or line
            continue
        if blank:
            yield blank, []
        yield line, row


def _lines(path: Path) -> Generator[tuple[int, list[str]]]:
    """Number and values of each line of a CSV file, an endless one cut into pieces. Raises UserError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(iter(lambda: file.readline(MAX_LINE), ""), strict=True)
        try:
            yield from ((reader.line_num, row) for row in reader)
        except UnicodeDecodeError:
            raise UserError(f"{path}: must be CSV in UTF-8. It holds other bytes.") from None
        except csv.Error as error:
            raise UserError(f"{path}: line {reader.line_num}: must be CSV. {str(error).capitalize()}.") from None
