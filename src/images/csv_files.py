"""A user's own images as four CSV files."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from src.images.store import Images
from src.pipeline.files import UserError


def read_csv(folder: Path) -> Images:
    """Four files with a header line: x_train, x_test (an image a row, pixels 0..255), y_train, y_test (a label a row).

    Raises UserError.
    """
    x_train, x_test = (_pixels(folder / f"{name}.csv") for name in ("x_train", "x_test"))
    y_train, y_test = (_labels(folder / f"{name}.csv") for name in ("y_train", "y_test"))
    for split, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise UserError(f"{folder}/y_{split}.csv: must have one label for each of {len(x)} images. Got {len(y)}.")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise UserError(
            f"{folder}/x_test.csv: must have {x_train[0].size} columns, as x_train.csv. Got {x_test[0].size}."
        )
    return Images(x_train, y_train, x_test, y_test)


def _pixels(path: Path) -> np.ndarray:
    """(n, side * side) pixel rows of a CSV file -> (n, side, side) uint8."""
    values = _whole_numbers(path, low=0, high=255).astype(np.uint8)
    side = int(values.shape[1] ** 0.5)
    if side * side != values.shape[1]:
        raise UserError(
            f"{path}: must have side x side pixel columns, such as 784, and no other. Got {values.shape[1]}."
        )
    return values.reshape(-1, side, side)


def _labels(path: Path) -> np.ndarray:
    """The one column of a CSV file -> (n,) int64."""
    values = _whole_numbers(path, low=0, high=999)
    if values.shape[1] != 1:
        raise UserError(f"{path}: must have the labels in one column. Got {values.shape[1]} columns.")
    return values[:, 0].astype(np.int64)


def _whole_numbers(path: Path, *, low: int, high: int) -> np.ndarray:
    """The rows below the header line of a CSV file, each value a whole number in [low, high]. Raises UserError."""
    import pandas as pd

    try:
        frame: Any = pd.read_csv(path, low_memory=False, skip_blank_lines=False)
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found. fetch.folder must hold x_train.csv, y_train.csv, x_test.csv, y_test.csv."
        ) from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: must have a header line and rows. It is empty.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: must be CSV in UTF-8. It holds other bytes.") from None
    except pd.errors.ParserError as error:
        why = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UserError(f"{path}: must be CSV with equally long rows. {why}.") from None
    if len(set(header)) < len(header):  # a row of pixels nearly always repeats a value
        raise UserError(f"{path}: must begin with a header line of different names. Got {','.join(header[:5])}...")
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"{path}: rows must be as long as the header line ({frame.shape[1]} names). They are longer.")
    frame = frame[: frame.notna().any(axis=1).to_numpy().nonzero()[0].max(initial=-1) + 1]  # no blank lines at the end
    if frame.empty:
        raise UserError(f"{path}: must have rows below the header line. Got none.")
    numbers = frame.apply(pd.to_numeric, errors="coerce")
    fits = (numbers >= low) & (numbers <= high) & (numbers % 1 == 0)
    bad = ~fits.to_numpy() | [kind.kind == "b" for kind in frame.dtypes]
    if bad.any():
        row, column = np.argwhere(bad)[0]
        came = frame.iat[row, column]
        shown = "nothing (a short row or an empty cell)" if pd.isna(came) else str(came)
        where = f"{path}: line {row + 2}, column {column + 1}"
        raise UserError(f"{where}: must be a whole number from {low} to {high}. Got {shown}.")
    return numbers.to_numpy()
