"""A user's own images in one file or a few: NumPy's .npz, and Parquet as Hugging Face writes it."""

import functools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from src.images.picture_folders import Fit, fitted, stack
from src.images.pictures import open_grey, read_all
from src.images.store import MAX_SIDE, Images, label
from src.pipeline.files import UserError
from src.pipeline.untrusted import check_file, shown

MAX_BYTES = 2**33  # of an array when it is unpacked
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> Images:
    """The arrays x_train, y_train, x_test and y_test of an .npz file, as Keras's own data sets are distributed.

    x: (n, side, side) uint8; y: (n,) whole numbers or words. Raises UserError.
    """
    try:
        check_file(path, max_bytes=MAX_BYTES)
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > MAX_BYTES:
            raise UserError(f"{path}: must unpack to at most {MAX_BYTES:,} bytes. It is {size:,}.")
        with np.load(path, allow_pickle=False) as arrays:
            if missing := [name for name in ARRAYS if name not in arrays]:
                raise UserError(f"{path}: must have the arrays {', '.join(ARRAYS)}. Missing: {', '.join(missing)}.")
            x_train, y_train, x_test, y_test = (arrays[name] for name in ARRAYS)
    except FileNotFoundError:
        raise UserError(f"params.yaml: fetch.folder: must name an .npz file. There is none: {path}.") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        must = "must be an .npz file of arrays without Python objects"
        raise UserError(f"{path}: {must}. Got {shown(str(error))}.") from None
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1] != x.shape[2] or not 1 <= x.shape[1] <= MAX_SIDE:
            must = f"must be (n, side, side) uint8, side at most {MAX_SIDE}"
            raise UserError(f"{path}: x_{name}: {must}. Got {x.shape} {x.dtype}.")
        if y.shape != (len(x),):
            raise UserError(f"{path}: y_{name}: must have one label for each of {len(x)} images. Got {y.shape}.")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise UserError(f"{path}: x_test: must have images of the size of x_train. Got {x_test.shape}.")
    return label(x_train, y_train, x_test, y_test)


def read_parquet(folder: Path, *, side: int | None, fit: Fit) -> Images:
    """The files train*.parquet and test*.parquet of a folder, columns `image` (a picture's bytes) and `label`.

    An image may be a struct with `bytes`, as Hugging Face's datasets have it. Labels are numbers or words. Raises
    UserError.
    """
    parts = {name: sorted(folder.glob(f"{name}*.parquet")) for name in ("train", "test")}
    if missing := [name for name, files in parts.items() if not files]:
        raise UserError(f"{folder}: must have files train*.parquet and test*.parquet. There is none of {missing[0]}.")
    (x_train, y_train), (x_test, y_test) = (_read_tables(files) for files in parts.values())
    names = [name for name, _ in (*x_train, *x_test)]
    x = stack(names, read_all([*x_train, *x_test], lambda content: fitted(open_grey(content), side, fit)))
    return label(x[: len(x_train)], np.array(y_train), x[len(x_train) :], np.array(y_test))


def _read_tables(files: list[Path]) -> tuple[list[tuple[str, Callable[[], bytes]]], list[Any]]:
    """The pictures of Parquet files with their names, and their labels."""
    import pyarrow
    from pyarrow import parquet

    pictures: list[tuple[str, Callable[[], bytes]]] = []
    labels: list[Any] = []
    for file in files:
        check_file(file, max_bytes=MAX_BYTES)
        try:
            table = parquet.read_table(file, columns=["image", "label"])
        except (pyarrow.ArrowException, KeyError) as error:
            must = "must be a Parquet file with the columns image and label"
            raise UserError(f"{file}: {must}. Got {shown(str(error))}.") from None
        for row, record in enumerate(table.to_pylist()):
            image = record["image"]
            content = image.get("bytes") if isinstance(image, dict) else image
            if not isinstance(content, bytes) or record["label"] is None:
                raise UserError(f"{file}: row {row}: must have the bytes of a picture and a label.")
            pictures.append((f"{file}, row {row},", functools.partial(bytes, content)))
            labels.append(record["label"])
    return pictures, labels
