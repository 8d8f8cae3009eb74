"""An epoch with TensorFlow: the data is on the device, and a call takes as many steps as suit the device."""

from collections.abc import Callable
from typing import Any

import numpy as np

from src.training.epoch import Data, Epoch, batches


def tensorflow_epoch(model: Any, train: Data, val: Data, batch_size: int, on_steps: Callable[[int], None]) -> Epoch:
    """An epoch of a compiled model as its own `fit` would train it."""
    train_steps, test_steps = _steps(model.train_step, train), _steps(model.test_step, val)

    def train_epoch(order: np.ndarray) -> dict[str, Any]:
        model.reset_metrics()
        for rows in batches(order, batch_size):
            train_steps(rows)
            on_steps(len(rows))
        logs = model.get_metrics_result()
        model.reset_metrics()
        for rows in batches(np.arange(len(val[0])), batch_size):
            test_steps(rows)
        return logs | {f"val_{name}": value for name, value in model.get_metrics_result().items()}

    return train_epoch


def _steps(step: Callable[[Any], Any], data: Data) -> Callable[[np.ndarray], None]:
    """A function from (steps, batch) row numbers that takes `step` with each batch of those rows of the data."""
    import tensorflow as tf

    x, y = (tf.constant(array) for array in data)

    @tf.function
    def steps(batches: Any) -> None:
        for rows in batches:
            step((tf.gather(x, rows), tf.gather(y, rows)))

    return lambda batches: steps(tf.constant(batches))
