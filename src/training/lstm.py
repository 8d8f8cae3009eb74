"""TensorFlow's loop of an LSTM over time, on a CPU."""

from collections.abc import Callable
from typing import Any


def lstm(
    inputs: Any,
    h: Any,
    c: Any,
    mask: Any,
    *,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Callable[[Any], Any],
    recurrent_activation: Callable[[Any], Any],
    return_sequences: bool,
    go_backwards: bool,
    unroll: bool,
) -> tuple[Any, Any, list[Any]]:
    """An LSTM's whole loop over time, which Keras's layer asks its backend for; TensorFlow has one for GPUs only.

    inputs: (n, steps, features); h, c: (n, units). Returns the last output, all outputs and the state.
    Keras's own loop takes one product for all gates and cuts it up. Here each gate has its product, with the input
    beside the state, and the loop is unrolled: no cutting, no stacks for the gradient.
    """
    import tensorflow as tf

    if mask is not None or go_backwards or bias is None or inputs.shape[1] is None:
        raise NotImplementedError  # Keras then takes its own loop
    weights = tf.split(tf.concat([recurrent_kernel, kernel], 0), 4, axis=1)
    biases = tf.split(tf.convert_to_tensor(bias), 4)
    outputs = []
    for x in tf.unstack(inputs, axis=1):
        state = tf.concat([h, x], 1)
        i, f, g, o = (tf.nn.bias_add(state @ w, b) for w, b in zip(weights, biases, strict=True))
        c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
        h = recurrent_activation(o) * activation(c)
        outputs.append(h)
    return h, tf.stack(outputs if return_sequences else [h], axis=1), [h, c]
