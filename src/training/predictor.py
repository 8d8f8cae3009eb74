"""A model's output for many images."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from src.training.distribution import place

if TYPE_CHECKING:
    import keras

Predict = Callable[[np.ndarray], np.ndarray]


def predictor(model: "keras.Model", *, batch_size: int) -> Predict:
    """A function from uint8 images to a model's (n, ...) float32 output; its first call compiles."""
    import keras

    forwards = {"tensorflow": _tensorflow_forward, "jax": _jax_forward}
    if keras.backend.backend() not in forwards:
        return lambda x: np.asarray(model.predict(x, batch_size=batch_size, verbose=0))
    forward = forwards[keras.backend.backend()](model)

    def predict(x: np.ndarray) -> np.ndarray:
        # The last batch is filled up with black images, so that all have one shape and are compiled once.
        images = np.pad(x, [(0, -len(x) % batch_size), *[(0, 0)] * (x.ndim - 1)])
        outputs = [forward(images[first : first + batch_size]) for first in range(0, len(images), batch_size)]
        return np.concatenate(outputs)[: len(x)]

    return predict


def _tensorflow_forward(model: Any) -> Callable[[np.ndarray], Any]:
    import tensorflow as tf

    forward = tf.function(lambda images: model(images, training=False))
    return lambda images: forward(tf.constant(images))


def _jax_forward(model: Any) -> Callable[[np.ndarray], Any]:
    import jax

    groups = model.trainable_variables, model.non_trainable_variables
    weights = [[variable.value for variable in group] for group in groups]
    forward = jax.jit(lambda weights, images: model.stateless_call(*weights, images, training=False)[0])
    return lambda images: forward(weights, place(images, axis=0))
