"""The precision that layers compute in."""

import time

import numpy as np

from src.pipeline.schema import Precision

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # of Keras: mixed where variables stay float32
SIDE = 1024  # of the matrices whose product is timed


def set_precision(precision: Precision, device: str) -> None:
    """Set Keras's policy for the layers that are built from now on; a model's file keeps the policy of its layers.

    device: in words. A line says so where bfloat16 is slower than float32: it is on a CPU without instructions for it,
    and on some with them.
    """
    import keras

    keras.config.set_dtype_policy(POLICIES[precision])
    if precision == "bfloat16" and device.startswith("CPU"):
        ours, usual = matrix_rate("bfloat16"), matrix_rate("float32")
        if ours < usual:
            rates = f"{ours:.0f} GFLOP/s in bfloat16 and {usual:.0f} in float32"
            print(f"train: a core here multiplies matrices at {rates}: bfloat16 is slower.", flush=True)


def matrix_rate(dtype: str) -> float:
    """The best of three products of square matrices of that type, in GFLOP/s of a core whatever else runs."""
    import keras

    matrix, seconds = keras.ops.ones((SIDE, SIDE), dtype), []
    for _ in range(4):  # the first compiles
        start = time.process_time()
        np.asarray(keras.ops.matmul(matrix, matrix))
        seconds.append(time.process_time() - start)
    return 2 * SIDE**3 / min(seconds[1:]) / 1e9
