"""The training loop: epochs in an order of ours; an epoch is TensorFlow's in our own loop, another backend's by `fit`.

Our own loop gains little over `fit` on a CPU (benchmarks/train.md). It is kept because no batch is copied from the host
and a call takes many steps on a GPU.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

STEPS_PER_CALL = {"CPU": 1, "GPU": 16}  # a GPU's steps are short beside the time that it takes to launch one
Data = tuple[np.ndarray, np.ndarray]  # images and one-hot labels
Epoch = Callable[[np.ndarray], dict[str, Any]]  # trains on the rows in that order, validates; gives the logs


def fit(
    model: "keras.Model",
    train: Data,
    val: Data,
    *,
    first_epoch: int,
    epochs: int,
    batch_size: int,
    seed: int,
    on_steps: Callable[[int], None],
    on_epoch: Callable[[int, dict[str, float]], None],
) -> None:
    """Train a compiled model with a built optimizer as its own `fit` would, with validation after each epoch.

    train, val: images and one-hot labels. The order of the images is a function of the seed and the epoch, so that a
    model that has been trained for some epochs goes on as if it had not been interrupted. `on_steps` gets the number of
    batches since its last call; `on_epoch` the epoch, from 1, and its loss, accuracy, val_loss, val_accuracy.
    """
    import keras

    own_loop = keras.backend.backend() == "tensorflow"
    train_epoch = (_own_epoch if own_loop else _keras_epoch)(model, train, val, batch_size, on_steps)
    generator = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(train[0]))
        if epoch >= first_epoch:
            on_epoch(epoch, {name: float(value) for name, value in train_epoch(order).items()})


def _own_epoch(model: Any, train: Data, val: Data, batch_size: int, on_steps: Callable[[int], None]) -> Epoch:
    """An epoch with TensorFlow."""
    train_steps, test_steps = _steps(model.train_step, train), _steps(model.test_step, val)

    def train_epoch(order: np.ndarray) -> dict[str, Any]:
        model.reset_metrics()
        for batches in _batches(order, batch_size):
            train_steps(batches)
            on_steps(len(batches))
        logs = model.get_metrics_result()
        model.reset_metrics()
        for batches in _batches(np.arange(len(val[0])), batch_size):
            test_steps(batches)
        return logs | {f"val_{name}": value for name, value in model.get_metrics_result().items()}

    return train_epoch


def _keras_epoch(model: Any, train: Data, val: Data, batch_size: int, on_steps: Callable[[int], None]) -> Epoch:
    """An epoch with Keras's `fit`, which brings the weights of any backend back into the model's variables."""
    import keras

    calls = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_steps(1))]
    settings = {"batch_size": batch_size, "validation_data": val, "shuffle": False, "verbose": 0, "callbacks": calls}

    def train_epoch(order: np.ndarray) -> dict[str, Any]:
        history = model.fit(*(array[order] for array in train), **settings).history
        return {name: values[-1] for name, values in history.items()}

    return train_epoch


def _steps(step: Callable[[Any], Any], data: tuple[np.ndarray, np.ndarray]) -> Callable[[np.ndarray], None]:
    """A function from (steps, batch) row numbers that takes `step` with each batch of those rows of the data."""
    import tensorflow as tf

    x, y = (tf.constant(array) for array in data)

    @tf.function
    def steps(batches: Any) -> None:
        for rows in batches:
            step((tf.gather(x, rows), tf.gather(y, rows)))

    return lambda batches: steps(tf.constant(batches))


def _batches(rows: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Cut (n,) row numbers into (steps, batch_size), as many steps as the device takes in a call; (1, rest) at last."""
    import tensorflow as tf

    steps = STEPS_PER_CALL["GPU" if tf.config.list_logical_devices("GPU") else "CPU"]
    whole = len(rows) // batch_size * batch_size
    batches = rows[:whole].reshape(-1, batch_size)
    yield from (batches[first : first + steps] for first in range(0, len(batches), steps))
    if whole < len(rows):
        yield rows[None, whole:]
