"""TensorFlow's dropout, on a CPU."""

from collections.abc import Sequence
from typing import Any


def dropout(inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Any:
    """Inputs of which a share `rate` is 0 and the rest scaled up, which Keras's layer asks its backend for.

    Keras draws a floating-point number of the inputs' type for each element: slowly, and one of bfloat16 has 7 bits,
    too few for most rates. Here 16 random bits decide, two elements for a draw.
    """
    import tensorflow as tf
    from keras.src.backend.tensorflow.random import _cast_seed, _get_concrete_noise_shape, draw_seed

    if rate == 1:
        return tf.zeros_like(inputs)
    shape = _get_concrete_noise_shape(inputs, noise_shape)
    n = tf.reduce_prod(shape)
    draws = tf.random.stateless_uniform([(n + 1) // 2], _cast_seed(draw_seed(seed)), None, None, tf.uint32)
    bits = tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint16), [-1])[:n], shape)
    kept = bits >= tf.constant(round(rate * 2**16), tf.uint16)
    return inputs * (tf.cast(kept, inputs.dtype) * (1 / (1 - rate)))
