"""A user's own images as four CSV files."""

import csv
from itertools import islice
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from src.images.store import Images
from src.pipeline.files import UserError

NO_INDEX = "leave out an index column, and keep labels in their own file"
MAX_SHOWN = 80  # characters of a value in a message


def read_csv(folder: Path) -> Images:
    """Four files with a header line: x_train, x_test (an image a row, pixels 0..255), y_train, y_test (a label a row).

    Raises UserError.
    """
    x_train = _pixels(folder / "x_train.csv")
    x_test = _pixels(folder / "x_test.csv", as_train=x_train[0].size)
    y_train, y_test = (_labels(folder / f"{name}.csv") for name in ("y_train", "y_test"))
    for split, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise UserError(f"{folder}/y_{split}.csv: must have one label for each of {len(x)} images. Got {len(y)}.")
    return Images(x_train, y_train, x_test, y_test)


def _pixels(path: Path, as_train: int | None = None) -> np.ndarray:
    """(n, side * side) pixel rows of a CSV file -> (n, side, side) uint8; `as_train`: the columns of x_train.csv."""
    columns = len(_header(path))
    side = isqrt(columns)
    if as_train is not None and columns != as_train:
        raise UserError(f"{path}: must have {as_train} columns, as x_train.csv. Got {columns}; {NO_INDEX}.")
    if side * side != columns:
        raise UserError(f"{path}: must have side x side pixel columns, such as 784. Got {columns}; {NO_INDEX}.")
    return _whole_numbers(path, np.uint8, high=255).reshape(-1, side, side)


def _labels(path: Path) -> np.ndarray:
    """The one column of a CSV file -> (n,) int64."""
    columns = len(_header(path))
    if columns != 1:
        raise UserError(f"{path}: must have the labels in one column. Got {columns} columns; {NO_INDEX}.")
    return _whole_numbers(path, np.uint16, high=999)[:, 0].astype(np.int64)


def _header(path: Path) -> list[str]:
    """The names in the header line of a CSV file. Raises UserError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found. fetch.folder must hold x_train.csv, y_train.csv, x_test.csv, y_test.csv."
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: must be CSV in UTF-8. It holds other bytes.") from None
    if not header:
        raise UserError(f"{path}: must begin with a header line. It is empty.")
    if len(header) == 1 and any(separator in header[0] for separator in ";\t"):
        raise UserError(f"{path}: must have a comma as separator. Its first line has none: {_cut(header[0])}")
    if len(set(header)) < len(header):  # a row of pixels nearly always repeats a value
        raise UserError(f"{path}: must begin with a header line of different names. Got {_cut(','.join(header))}")
    return header


def _whole_numbers(path: Path, dtype: Any, *, high: int) -> np.ndarray:
    """The rows below the header line of a CSV file, each value a whole number in [0, high]. Raises UserError."""
    import pandas as pd

    try:  # pandas refuses values that do not fit, and takes an eighth of the memory
        with np.errstate(invalid="ignore"):  # an infinity warns, and is refused then
            frame: Any = pd.read_csv(path, dtype=dtype, skip_blank_lines=False)
    except (ValueError, OverflowError):
        return _diagnose(path, high).astype(dtype)
    with path.open(encoding="utf-8-sig", newline="") as file:
        words = any(value.strip()[:1].isalpha() for value in list(islice(csv.reader(file), 2))[-1])
    if words or frame.empty or not isinstance(frame.index, pd.RangeIndex) or frame.to_numpy().max() > high:
        return _diagnose(path, high).astype(dtype)
    return frame.to_numpy()


def _diagnose(path: Path, high: int) -> np.ndarray:
    """What `_whole_numbers` gives where only blank lines at the end were in the way; else raises UserError."""
    import pandas as pd

    try:
        frame: Any = pd.read_csv(path, low_memory=False, skip_blank_lines=False)
    except UnicodeDecodeError:
        raise UserError(f"{path}: must be CSV in UTF-8. It holds other bytes.") from None
    except pd.errors.ParserError as error:
        why = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UserError(f"{path}: must be CSV with equally long rows. {why}.") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"{path}: rows must be as long as the header line ({frame.shape[1]} names). They are longer.")
    frame = frame[: frame.notna().any(axis=1).to_numpy().nonzero()[0].max(initial=-1) + 1]  # no blank lines at the end
    if frame.empty:
        raise UserError(f"{path}: must have rows below the header line. Got none.")
    numbers = frame.apply(pd.to_numeric, errors="coerce")
    fits = (numbers >= 0) & (numbers <= high) & (numbers % 1 == 0)
    bad = ~fits.to_numpy() | [kind.kind == "b" for kind in frame.dtypes]
    if bad.any():
        row, column = np.argwhere(bad)[0]
        value = frame.iat[row, column]
        content = "nothing (a short row or an empty cell)" if pd.isna(value) else _cut(str(value))
        where = f"{path}: line {row + 2}, column {column + 1}"
        raise UserError(f"{where}: must be a whole number from 0 to {high}. Got {content}.")
    return numbers.to_numpy()


def _cut(text: str) -> str:
    """The beginning of a text that is too long for a message."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
