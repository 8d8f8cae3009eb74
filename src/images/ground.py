"""What is behind the things that images show."""

from collections.abc import Sequence

import numpy as np


def border(image: np.ndarray) -> np.ndarray:
    """The median of the outermost pixels of an image (height, width), 0-d, or of each channel, (height, width, 3)."""
    edges = image[0], image[-1], image[1:-1, 0], image[1:-1, -1]
    return np.asarray(np.median(np.concatenate(edges), axis=0))


def is_dark(images: Sequence[np.ndarray] | np.ndarray) -> bool:
    """Whether grey images show light things on a dark ground, as Fashion-MNIST does; never of colored ones.

    They are easier to see as negatives.
    """
    return images[0].ndim == 2 and bool(np.median([border(image) for image in images]) < 128)
