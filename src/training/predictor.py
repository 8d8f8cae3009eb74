"""A model's output for many images."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

Predict = Callable[[np.ndarray], np.ndarray]


def predictor(model: "keras.Model", *, batch_size: int) -> Predict:
    """A function from (n, side, side) uint8 images to a model's (n, ...) float32 output; its first call compiles."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return lambda x: np.asarray(model.predict(x, batch_size=batch_size, verbose=0))
    import tensorflow as tf

    forward = tf.function(lambda images: model(images, training=False))

    def predict(x: np.ndarray) -> np.ndarray:
        # The last batch is filled up with black images, so that all have one shape and are compiled once.
        images = tf.constant(np.pad(x, [(0, -len(x) % batch_size), (0, 0), (0, 0)]))
        outputs = [forward(images[first : first + batch_size]) for first in range(0, len(images), batch_size)]
        return np.concatenate(outputs)[: len(x)]

    return predict
