"""Several GPUs for one training: each has all variables and computes its part of each batch (Keras on JAX)."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def share(devices: Sequence[str]) -> None:
    """Let Keras put all variables that are made from now on onto each of the devices."""
    import keras

    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))


def place(array: np.ndarray, axis: int | None = None) -> Any:
    """The array on the device. Several devices have each a part of it along the axis where they divide it, else all."""
    import keras

    distribution = keras.distribution.distribution()
    if distribution is None:
        return keras.ops.convert_to_tensor(array)
    axes: list[str | None] = [None] * array.ndim
    if axis is not None and array.shape[axis] % distribution.num_model_replicas == 0:
        axes[axis] = distribution.batch_dim_name
    layout = keras.distribution.TensorLayout(axes, distribution.device_mesh)
    return keras.distribution.distribute_tensor(array, layout)
