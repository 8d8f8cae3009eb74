"""Which part of an image a model's answer depends on: parts are hidden, and the probability of the answer falls."""

from collections.abc import Callable
from itertools import product

import numpy as np

from src.images.ground import border


def occlusion(predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, *, patch: int, stride: int) -> np.ndarray:
    """How much the probability of the predicted label falls where an image is hidden: (side, side) float32.

    predict: from uint8 images to probabilities. A square of `patch` pixels, moved by `stride` and at last to the edge,
    takes the color of the ground, the median of the border (Zeiler and Fergus, 2014). Each pixel has the mean over the
    squares that hide it, from -1 to 1; what lies between squares that are further apart than they are wide has 0.
    """
    side = len(image)
    patch = min(patch, side)
    starts = sorted({*range(0, side - patch + 1, stride), side - patch})
    squares = [(slice(row, row + patch), slice(column, column + patch)) for row, column in product(starts, repeat=2)]
    hidden = np.repeat(image[None], len(squares) + 1, axis=0)
    for number, square in enumerate(squares):
        hidden[number][square] = border(image).round()
    probabilities = predict(hidden)  # of the image itself at last
    answer = probabilities[-1].argmax()
    falls, times = np.zeros((side, side)), np.zeros((side, side))
    for square, probability in zip(squares, probabilities[:-1, answer], strict=True):
        falls[square] += probabilities[-1, answer] - probability
        times[square] += 1
    return (falls / times.clip(1)).astype(np.float32)
