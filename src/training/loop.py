"""The training loop. With TensorFlow it is our own, with other backends Keras's `fit`.

What it gains is in benchmarks/train.md. It is kept because no batch is copied from the host and every training step is
under our control.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

STEPS_PER_CALL = {"CPU": 1, "GPU": 16}  # a GPU's steps are short beside the time that it takes to launch one


def fit(
    model: "keras.Model",
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    on_steps: Callable[[int], None],
    on_epoch: Callable[[int, dict[str, float]], None],
) -> None:
    """Train a compiled model as its own `fit` would, shuffled, with validation after each epoch.

    train, val: images and one-hot labels. `on_steps` gets the number of batches since its last call; `on_epoch` the
    epoch, from 1, and its loss, accuracy, val_loss, val_accuracy.
    With TensorFlow the arrays lie on the device and a plain loop steps over them.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        calls = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, logs),
            on_train_batch_end=lambda batch, logs: on_steps(1),
        )
        model.fit(*train, batch_size=batch_size, epochs=epochs, validation_data=val, verbose=0, callbacks=[calls])
        return

    model.optimizer.build(model.trainable_variables)
    train_steps, test_steps = _steps(model.train_step, train), _steps(model.test_step, val)
    order = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        model.reset_metrics()
        for batches in _batches(order.permutation(len(train[0])), batch_size):
            train_steps(batches)
            on_steps(len(batches))
        logs = model.get_metrics_result()
        model.reset_metrics()
        for batches in _batches(np.arange(len(val[0])), batch_size):
            test_steps(batches)
        logs |= {f"val_{name}": value for name, value in model.get_metrics_result().items()}
        on_epoch(epoch, {name: float(value) for name, value in logs.items()})


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
