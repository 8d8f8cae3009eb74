"""NVIDIA's cards: the same numbers from run to run, float32 that is float32, and all cards of a machine."""

import os
from collections.abc import Sequence

from src.training.distribution import share

DETERMINISTIC_XLA = "--xla_gpu_deterministic_ops=true"  # for JAX; TensorFlow has a switch of its own
# cuBLAS else works in whichever of its two buffers is free, and cuDNN's LSTM, which calls it, gives other numbers.
CUBLAS_WORKSPACE = ":4096:8"
OWN = {"XLA_FLAGS": DETERMINISTIC_XLA, "CUBLAS_WORKSPACE_CONFIG": CUBLAS_WORKSPACE}


def prepare_libraries() -> None:
    """Set what NVIDIA's libraries and XLA read from the environment when they load; a user's own values stay."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_gpu_deterministic_ops" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {DETERMINISTIC_XLA}".strip()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)


def setup_gpus(backend: str, names: Sequence[str]) -> str:
    """Compute in float32 where it is asked for, with JAX on all these GPUs. Returns them in words.

    From Ampere on, both TensorFlow and JAX would else round the factors of products to TF32's ten bits. TensorFlow
    takes the first GPU; Keras has no distribution for it.
    """
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
        return f"GPU, {details.get('device_name', names[0])}, TF32 off"
    if backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")
        kind = f"{jax.devices()[0].device_kind}, TF32 off"
        if len(names) == 1:
            return f"GPU, {kind}"
        share(names)
        return f"{len(names)} GPUs, {kind}"
    return f"GPU, {names[0]}"
