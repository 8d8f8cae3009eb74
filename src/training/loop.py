"""The training loop: epochs in an order of ours; an epoch is TensorFlow's or JAX's, another backend's by `fit`.

Our own epochs gain little over `fit` on a CPU (benchmarks/train.md). They are kept because no batch is copied from the
host and a call takes many steps on a GPU.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from src.training.epoch import Data, Epoch
from src.training.jax_epoch import jax_epoch
from src.training.tensorflow_epoch import tensorflow_epoch

if TYPE_CHECKING:
    import keras


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

    epochs_of = {"tensorflow": tensorflow_epoch, "jax": jax_epoch}.get(keras.backend.backend(), _keras_epoch)
    train_epoch = epochs_of(model, train, val, batch_size, on_steps)
    generator = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(train[0]))
        if epoch >= first_epoch:
            on_epoch(epoch, {name: float(value) for name, value in train_epoch(order).items()})


def _keras_epoch(model: Any, train: Data, val: Data, batch_size: int, on_steps: Callable[[int], None]) -> Epoch:
    """An epoch with Keras's `fit`, which brings the weights of any backend back into the model's variables."""
    import keras

    calls = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_steps(1))]
    settings = {"batch_size": batch_size, "validation_data": val, "shuffle": False, "verbose": 0, "callbacks": calls}

    def train_epoch(order: np.ndarray) -> dict[str, Any]:
        history = model.fit(*(array[order] for array in train), **settings).history
        return {name: values[-1] for name, values in history.items()}

    return train_epoch
