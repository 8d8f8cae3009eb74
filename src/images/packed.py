"""A user's own images in one file or a few: NumPy's .npz, and Parquet as Hugging Face writes it."""

import functools
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from src.images.fitting import Fit, read_fitted, stack
from src.images.pictures import Color, File
from src.images.store import MAX_SIDE, Images, label
from src.pipeline.files import UserError
from src.pipeline.untrusted import check_file, shown

MAX_BYTES = 2**33  # of an array when it is unpacked
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> Images:
    """The arrays x_train, y_train, x_test and y_test of an .npz file, as Keras's own data sets are distributed.

    x: (n, side, side) or (n, side, side, 3) uint8; y: (n,) whole numbers or words. Raises UserError.
    """
    try:
        check_file(path, max_bytes=MAX_BYTES)
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > MAX_BYTES:
            raise UserError(f"{path}: must unpack to at most {MAX_BYTES:,} bytes. It is {size:,}.")
        with warnings.catch_warnings(action="ignore"), np.load(path, allow_pickle=False) as arrays:  # of old headers
            if missing := [name for name in ARRAYS if name not in arrays]:
                raise UserError(f"{path}: must have the arrays {', '.join(ARRAYS)}. Missing: {', '.join(missing)}.")
            x_train, y_train, x_test, y_test = (arrays[name] for name in ARRAYS)
    except FileNotFoundError:
        raise UserError(f"params.yaml: fetch.folder: must name an .npz file. There is none: {path}.") from None
    except UserError:
        raise
    except Exception as error:  # of a damaged file NumPy, zipfile and zlib raise a dozen kinds
        must = "must be an .npz file of arrays without Python objects"
        raise UserError(f"{path}: {must}. Got {shown(str(error))}.") from None
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        _check_part(path, name, x, y)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise UserError(f"{path}: x_test: must have images of the size of x_train. Got {x_test.shape}.")
    return label(x_train, y_train, x_test, y_test)


def _check_part(path: Path, name: str, x: np.ndarray, y: np.ndarray) -> None:
    """Raises UserError unless x are images as `read_npz` takes them, at least one, and y as many labels."""
    if x.dtype != np.uint8 or not is_square(x.shape[1:]) or not 1 <= x.shape[1] <= MAX_SIDE:
        must = f"must be (n, side, side) or (n, side, side, 3) uint8, side at most {MAX_SIDE}"
        raise UserError(f"{path}: x_{name}: {must}. Got {x.shape} {x.dtype}.")
    if not len(x):
        raise UserError(f"{path}: x_{name}: must have at least one image. Got none.")
    if y.shape != (len(x),):
        raise UserError(f"{path}: y_{name}: must have one label for each of {len(x)} images. Got {y.shape}.")


def is_square(shape: tuple[int, ...]) -> bool:
    """Whether an image of this shape is square, and grey or RGB."""
    return len(shape) in (2, 3) and shape[0] == shape[1] and shape[2:] in ((), (3,))


def read_parquet(folder: Path, *, side: int | None, fit: Fit, color: Color) -> Images:
    """The files train*.parquet and test*.parquet of a folder, columns `image` (a picture's bytes) and `label`.

    An image may be a struct with `bytes`, as Hugging Face's datasets have it. Labels are numbers or words. Raises
    UserError.
    """
    parts = {name: sorted(folder.glob(f"{name}*.parquet")) for name in ("train", "test")}
    if missing := [name for name, files in parts.items() if not files]:
        raise UserError(f"{folder}: must have files train*.parquet and test*.parquet. There is none of {missing[0]}.")
    tables = {name: _read_tables(files) for name, files in parts.items()}
    if empty := [name for name, (pictures, _) in tables.items() if not pictures]:
        raise UserError(f"{folder}: {empty[0]}*.parquet: must have at least one image. Got none.")
    (x_train, y_train), (x_test, y_test) = tables.values()
    files = [*x_train, *x_test]
    x = stack([name for name, _ in files], read_fitted(files, side=side, fit=fit, color=color))
    return label(x[: len(x_train)], np.array(y_train), x[len(x_train) :], np.array(y_test))


def _read_tables(files: list[Path]) -> tuple[list[File], list[Any]]:
    """The pictures of Parquet files with their names, and their labels."""
    from pyarrow import parquet

    pictures: list[File] = []
    labels: list[Any] = []
    for file in files:
        check_file(file, max_bytes=MAX_BYTES)
        try:
            with parquet.ParquetFile(file) as table:
                metadata = table.metadata
                size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
                if size > MAX_BYTES:
                    raise UserError(f"{file}: must unpack to at most {MAX_BYTES:,} bytes. It is {size:,}.")
                records = table.read(["image", "label"]).to_pylist()
        except UserError:
            raise
        except Exception as error:  # of a damaged file pyarrow raises Arrow's kinds and Python's
            must = "must be a Parquet file with the columns image and label"
            raise UserError(f"{file}: {must}. Got {shown(str(error))}.") from None
        for row, record in enumerate(records):
            image, label_ = record.get("image"), record.get("label")
            content = image.get("bytes") if isinstance(image, dict) else image
            if not isinstance(content, bytes) or type(label_) not in (int, str):
                must = "must have the bytes of a picture, and a whole number or a word as label"
                raise UserError(f"{file}: row {row}: {must}.")
            pictures.append((f"{file}, row {row},", functools.partial(bytes, content)))
            labels.append(label_)
    return pictures, labels
