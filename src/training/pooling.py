"""JAX's max pooling over windows that do not overlap, with a gradient that is the same from run to run on a GPU."""

import functools
import itertools
from collections.abc import Callable
from typing import Any


def use_own_pooling() -> None:
    """Let Keras's layers pool by `max_pool`."""
    import keras

    nn = keras.src.backend.nn
    if not isinstance(nn.max_pool, functools.partial):
        nn.max_pool = functools.partial(max_pool, nn.max_pool)


def max_pool(
    stock: Callable[..., Any],
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Keras's max pooling, which its layers ask their backend for; `stock` is Keras's own, for all other windows.

    inputs: (n, height, width, channels). XLA makes the gradient of its own pooling a scatter, which on a GPU differs
    from run to run or sorts all values. Here the gradient is one of selections: equal maxima of a window share it,
    where XLA gives it to the first.
    """
    import jax.numpy as jnp

    height, width = (pool_size, pool_size) if isinstance(pool_size, int) else pool_size
    tiled = strides in (None, pool_size) and padding == "valid" and data_format != "channels_first"
    if inputs.ndim != 4 or not tiled:
        return stock(inputs, pool_size, strides, padding, data_format)
    whole = inputs[:, : inputs.shape[1] // height * height, : inputs.shape[2] // width * width]
    places = itertools.product(range(height), range(width))
    return functools.reduce(jnp.maximum, (whole[:, row::height, column::width] for row, column in places))
