"""What the epochs of all backends have in common: the data, the hooks, and the cutting of an order into batches."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

STEPS_PER_CALL = {"cpu": 1, "gpu": 16}  # a GPU's steps are short beside the time that it takes to launch one
Data = tuple[np.ndarray, np.ndarray]  # images and one-hot labels
Epoch = Callable[[np.ndarray], dict[str, Any]]  # trains on the rows in that order, validates; gives the logs


def batches(rows: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Cut (n,) row numbers into (steps, batch_size), as many steps as the device takes in a call; (1, rest) at last."""
    import keras

    steps = STEPS_PER_CALL["gpu" if keras.distribution.list_devices()[0].startswith("gpu") else "cpu"]
    whole = len(rows) // batch_size * batch_size
    full = rows[:whole].reshape(-1, batch_size)
    yield from (full[first : first + steps] for first in range(0, len(full), steps))
    if whole < len(rows):
        yield rows[None, whole:]
