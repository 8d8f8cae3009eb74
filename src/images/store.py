"""Labelled images as `fetch` writes them, and what Fashion-MNIST and the digits show."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.pipeline.files import UserError
from src.pipeline.untrusted import read_arrays, shown

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

SIDE = 28  # pixels, of Fashion-MNIST
MAX_SIDE = 256  # pixels, of a user's own images
MAX_WORD = 100  # letters of a label
UNKNOWN, AMBIGUOUS = -1, -2  # in place of the number of what an image shows


class Images(NamedTuple):
    """Labelled images: x (n, side, side) uint8, grey, or (n, side, side, 3), RGB; y (n,) int64.

    With `names`, names[y[i]] is what image i shows, and labels are to hide it. With `labels`, labels[y[i]] is the name
    of image i's label, which hides nothing. With `files_train` and `files_test`, an image has the name of a file.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    files_train: tuple[str, ...] = ()
    files_test: tuple[str, ...] = ()

    def first(self, limit: int | None) -> "Images":
        """Only so many of the first training images and of the first test images; None for all."""
        of_images = [name for name in self._fields if name not in ("names", "labels")]
        return self._replace(**{name: getattr(self, name)[:limit] for name in of_images})

    def save(self, path: Path) -> None:
        """Write an uncompressed .npz."""
        words = {name: np.array(value, dtype=str) for name, value in self._asdict().items() if isinstance(value, tuple)}
        np.savez(path, **self._asdict() | words)

    @classmethod
    def load(cls, path: str | Path) -> "Images":
        """Read what `save` wrote."""
        arrays = read_arrays(str(path), *cls._fields)
        fields: dict[str, Any] = {
            name: tuple(array.tolist()) if array.dtype.kind == "U" else array for name, array in arrays.items()
        }
        return cls(**fields)


def label(x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> Images:
    """A user's images with their labels, which are whole numbers or words. Raises UserError.

    Words are numbered in the order of the training labels' names.
    """
    kinds = {np.asarray(y).dtype.kind for y in (y_train, y_test)}
    if kinds <= set("iu"):
        return Images(x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64))
    if not kinds <= set("U"):
        got = f"{y_train[:3].tolist()} and {y_test[:3].tolist()}"
        raise UserError(f"labels must be whole numbers or words, the same in training and test. Got {got}.")
    words = np.unique(y_train)
    for word in [*words.tolist(), *y_test.tolist()]:
        if not word.strip() or not word.isprintable() or len(word) > MAX_WORD:
            raise UserError(f"labels must be words of at most {MAX_WORD} printable letters. Got {shown(word)}.")
    if unknown := sorted(set(y_test.tolist()) - set(words.tolist())):
        raise UserError(f"every test label must also occur in training. Not in training: {', '.join(unknown)}.")
    numbers = (np.searchsorted(words, y) for y in (y_train, y_test))
    return Images(x_train, next(numbers), x_test, next(numbers), labels=tuple(words.tolist()))
