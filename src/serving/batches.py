"""Images to predict: a CSV, NPY or NPZ file, a picture or a folder of pictures."""

import math
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.images.csv_files import read_pixels
from src.pipeline.files import UserError
from src.pipeline.untrusted import shown
from src.serving.pictures import SUFFIXES, Ground, find_pictures, read_pictures

MAX_BYTES = 2**31  # of an array in a file that is unpacked


class Batch(NamedTuple):
    """Images x, (n, side, side) uint8, and n names: rows of the file, from 0, or files of pictures."""

    names: list[str]
    x: np.ndarray


def read_batch(path: Path, side: int, ground: Ground) -> Batch:
    """The images of a file or folder; pictures are brought to `side` pixels. Raises UserError."""
    if path.is_dir():
        files = find_pictures(path)
        return Batch([str(file.relative_to(path)) for file in files], read_pictures(files, side, ground))
    if not path.is_file():
        raise UserError(f"{path}: must be a file or a folder. There is none.")
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return Batch([path.name], read_pictures([path], side, ground))
    readers = {".csv": read_pixels, ".npy": _read_npy, ".npz": _read_npz}
    if suffix not in readers:
        known = " ".join([*readers, *sorted(SUFFIXES)])
        raise UserError(f"{path}: must be a folder of pictures or one of {known}. Got {suffix or 'no suffix'}.")
    images = readers[suffix](path)
    if images.shape[1:] != (side, side):
        got = " x ".join(map(str, images.shape[1:]))
        raise UserError(f"{path}: must have images of {side} x {side} pixels, as the model takes. Got {got}.")
    return Batch([str(row) for row in range(len(images))], images)


def _read_npy(path: Path) -> np.ndarray:
    """The array of an .npy file; objects, which would run code, are refused."""
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


def _as_images(path: Path, array: Any) -> np.ndarray:
    """The array as (n, side, side) uint8: a single image and rows of pixels are taken too. Raises UserError."""
    shape = tuple(array.shape)
    if array.dtype.kind not in "iu" or 0 in shape or not 2 <= len(shape) <= 3:
        must = "whole numbers of shape (n, side, side), (n, side * side) or (side, side)"
        raise UserError(f"{path}: must be {must}. Got {array.dtype} of shape {shape}.")
    if array.min() < 0 or array.max() > 255:
        raise UserError(f"{path}: must have values from 0 to 255. Got {array.min()} to {array.max()}.")
    images = np.asarray(array).astype(np.uint8)
    if images.ndim == 3:
        return images
    if images.shape[0] == images.shape[1] and math.isqrt(images.shape[1]) ** 2 != images.shape[1]:
        return images[None]
    side = math.isqrt(images.shape[1])
    if side * side != images.shape[1]:
        raise UserError(f"{path}: must have side * side columns, such as 784. Got {images.shape[1]}.")
    return images.reshape(-1, side, side)
