"""The device that Keras computes on."""

import faulthandler
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from src.pipeline.files import UserError
from src.pipeline.schema import Device, Seed
from src.training.lstm import lstm


def setup_device(*, seed: Seed, device: Device) -> str:
    """Choose the device, seed every generator, make operations deterministic. Returns the device in words.

    Must be called before anything imports Keras. Raises UserError where `gpu` is asked for and there is none.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    with _quiet_loading():
        import keras

        backend = keras.backend.backend()
        gpus = [name for name in keras.distribution.list_devices() if name.startswith("gpu")]
    reason = "TF_CPP_MIN_LOG_LEVEL=0 in the environment shows why"
    if device == "gpu" and not gpus:
        raise UserError(f"params.yaml: device: gpu needs a GPU that {backend} can use. Got none ({reason}).")
    if device == "auto" and not gpus and Path("/dev/nvidiactl").exists():
        print(f"There is an NVIDIA card, but {backend} cannot use it ({reason}).", file=sys.stderr)
    keras.utils.set_random_seed(seed)
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        if gpus:
            details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
            return f"GPU, {details.get('device_name', gpus[0])}"
        keras.src.backend.lstm = lstm
    return f"GPU, {gpus[0]}" if gpus else f"CPU, {_processor()}, {_cores()} cores"


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Drop what TensorFlow's libraries print while they load, unless TF_CPP_MIN_LOG_LEVEL is set; a crash is told."""
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    stderr = os.dup(2)
    faulthandler.enable(stderr)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        faulthandler.disable()
        os.dup2(stderr, 2)
        os.close(stderr)


def software() -> str:
    """Keras and its backend, with versions."""
    import keras

    backend = keras.backend.backend()
    return f"keras {keras.__version__}, {backend} {version(backend)}"


def _processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def _cores() -> int | None:
    """The number of cores that this process may use; macOS cannot limit it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
