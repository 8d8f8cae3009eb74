"""Labelled images as `fetch` writes them, and what Fashion-MNIST and the digits show."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.pipeline.untrusted import read_arrays

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

SIDE = 28  # pixels, of Fashion-MNIST
UNKNOWN, AMBIGUOUS = -1, -2  # in place of the number of what an image shows


class Images(NamedTuple):
    """Labelled images: x (n, side, side) uint8, y (n,) int64. With `names`, names[y[i]] is what image i shows."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    names: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write an uncompressed .npz."""
        np.savez(path, **self._asdict())

    @classmethod
    def load(cls, path: str | Path) -> "Images":
        """Read what `save` wrote."""
        arrays = read_arrays(str(path), *cls._fields)
        names = tuple(arrays.pop("names").tolist())
        return cls(**arrays, names=names)
