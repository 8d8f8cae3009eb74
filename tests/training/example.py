"""Two classes that a small network learns at once."""

from typing import Any

import numpy as np

from src.images.splits import Labelled

TINY: dict[str, Any] = {
    "architecture": "cm1",
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 16,
    "epochs": 2,
}
NO_HOOKS: Any = (lambda model: 1, lambda steps: None, lambda epoch, logs: None)


def separable(n: int, seed: int = 0) -> Labelled:
    """Two classes that a glance tells apart: the left or the right half is bright."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.integers(0, 80, (n, 28, 28), dtype=np.uint8)
    for image, label in zip(x, y, strict=True):
        image[:, 14 * label : 14 * label + 14] += 150
    return Labelled(x, y)


def sets() -> tuple[Labelled, Labelled]:
    """The training and the validation data."""
    return separable(80), separable(40, seed=1)


def one_hot(y: np.ndarray) -> np.ndarray:
    return np.eye(2, dtype=np.float32)[y]
