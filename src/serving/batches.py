"""Images to predict, some at a time: of a CSV, NPY or NPZ file, a picture or a folder of pictures."""

import math
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.images.csv_files import read_pixels
from src.images.pictures import SUFFIXES, find_pictures
from src.pipeline.files import UserError
from src.pipeline.untrusted import shown
from src.serving.pictures import Ground, ModelImages, read_pictures

MAX_BYTES = 2**31  # of an array in a file that is unpacked
PIXELS = 2**23  # at a time: 10,699 images of 28 x 28


class Batch(NamedTuple):
    """n images x, uint8, and n names: rows of the file, from 0, or files of pictures."""

    names: list[str]
    x: np.ndarray


def read_batches(path: Path, images: ModelImages, ground: Ground) -> Iterator[Batch]:
    """The images of a file or folder, PIXELS at a time, as the model takes them. Raises UserError.

    Memory does not grow with a folder of pictures or an NPY file. CSV and NPZ files, whose sizes are limited, are read
    whole.
    """
    if not path.is_dir() and not path.is_file():
        raise UserError(f"{path}: must be a file or a folder. There is none.")
    size, suffix = max(1, PIXELS // math.prod(images.shape)), path.suffix.lower()
    if path.is_dir() or suffix in SUFFIXES:
        files = find_pictures(path) if path.is_dir() else [path]
        for first in range(0, len(files), size):
            part = files[first : first + size]
            names = [str(file.relative_to(path)) if path.is_dir() else file.name for file in part]
            yield Batch(names, read_pictures(part, images, ground))
        return
    readers = {".csv": read_pixels, ".npy": _open_npy, ".npz": _read_npz}
    if suffix not in readers:
        known = " ".join([*readers, *sorted(SUFFIXES)])
        raise UserError(f"{path}: must be a folder of pictures or one of {known}. Got {suffix or 'no suffix'}.")
    array, first = readers[suffix](path), 0
    if array.shape[1:] != images.shape:
        must, got = (" x ".join(map(str, shape)) for shape in (images.shape, array.shape[1:]))
        raise UserError(f"{path}: must have images of {must} values, as the model takes. Got {got}.")
    while first < len(array):
        x = _as_bytes(path, array[first : first + size])
        yield Batch([str(row) for row in range(first, first + len(x))], x)
        first += len(x)
        if suffix == ".npy":
            array = _open_npy(path)  # anew, for what was read of an open one stays in memory


def _open_npy(path: Path) -> np.ndarray:
    """The array of an .npy file, which is read where it is used; objects, which would run code, are refused."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of files that Python 2 wrote
            return _as_images(path, np.lib.format.open_memmap(path, mode="r"))
    except UserError:
        raise
    except Exception:  # of a damaged header NumPy raises what Python's parser does
        raise UserError(f"{path}: must be a NumPy file of numbers. It is damaged or holds something else.") from None


def _read_npz(path: Path) -> np.ndarray:
    """The array `x` of an .npz file, as data/test.npz has it."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
        if sizes.get("x.npy", 0) > MAX_BYTES:
            raise UserError(f"{path}: must unpack to at most {MAX_BYTES:,} bytes. Got {sizes['x.npy']:,}.")
        with warnings.catch_warnings(action="ignore"), np.load(path, allow_pickle=False) as file:
            return _as_images(path, file["x"])
    except KeyError:
        raise UserError(f"{path}: must have an array `x` of images. Got {shown(', '.join(sizes))}.") from None
    except UserError:
        raise
    except Exception:  # of a damaged file NumPy, zipfile and zlib raise a dozen kinds
        raise UserError(f"{path}: must be an .npz file of numbers. It is damaged or holds something else.") from None


def _as_images(path: Path, array: np.ndarray) -> np.ndarray:
    """The array as n images of ints; a grey image alone and rows of grey pixels are taken too. Raises UserError."""
    shape = tuple(array.shape)
    if array.dtype.kind not in "iu" or 0 in shape or not 2 <= len(shape) <= 4:
        must = "whole numbers of shape (n, side, side), (n, side, side, 3), (n, side * side) or (side, side)"
        raise UserError(f"{path}: must be {must}. Got {array.dtype} of shape {shape}.")
    if array.ndim > 2:
        return array
    side = math.isqrt(shape[1])
    if side * side == shape[1]:
        return array.reshape(-1, side, side)
    if shape[0] == shape[1]:
        return array[None]
    raise UserError(f"{path}: must have side * side columns, such as 784. Got {shape[1]}.")


def _as_bytes(path: Path, images: np.ndarray) -> np.ndarray:
    """A copy of the images as uint8. Raises UserError where a pixel is none."""
    if images.min() < 0 or images.max() > 255:
        raise UserError(f"{path}: must have values from 0 to 255. Got {images.min()} to {images.max()}.")
    return np.array(images, dtype=np.uint8)
