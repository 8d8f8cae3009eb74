"""The device that Keras computes on."""

import faulthandler
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from src.pipeline.files import UserError
from src.pipeline.schema import Count, Device, Seed
from src.training.dropout import dropout
from src.training.gpu import OWN, prepare_libraries, setup_gpus
from src.training.lstm import lstm
from src.training.pooling import use_own_pooling

# Environment variables that change numbers. Not all that begin with TF_: Terraform's do, too, and may be secret.
NUMERIC = re.compile(
    r"TF_(NUM|ENABLE|DISABLE|SET|USE|XLA|ONEDNN|CUDNN|CUBLAS|DETERMINISTIC|FP16)_\w+|(ONEDNN|DNNL|OMP|CUBLAS|CUDNN)_\w+"
    r"|XLA_FLAGS|JAX_(ENABLE|DISABLE|DEFAULT|NUMPY|THREEFRY)_\w+|KERAS_(MAX|NNX)_\w+|NVIDIA_TF32_OVERRIDE"
)
NOT_NUMERIC = re.compile(r"\w*(LOG|VERBOSE)\w*")


def setup_device(*, seed: Seed, device: Device, threads: Count | None) -> str:
    """Choose the device, seed every generator, make operations deterministic. Returns the device in words.

    To the words belong the number of threads and the environment variables that change numbers. threads: those that a
    CPU's operations are split over; None: one for each core that this process may use. Must be called before anything
    imports Keras. Raises UserError where `gpu` is asked for and there is none, or Keras's backend is not installed or
    has no such limit.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    else:
        prepare_libraries()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever a user's keras.json says
    with _quiet_loading():
        try:
            import keras
        except ImportError as error:
            backend = os.environ["KERAS_BACKEND"]
            raise UserError(f"KERAS_BACKEND must be a backend that is installed. Got {backend} ({error}).") from None
        backend = keras.backend.backend()
        if threads:
            _limit_threads(backend, threads)
        gpus = [name for name in keras.distribution.list_devices() if name.startswith("gpu")]
    _forget_user_settings()
    reason = "TF_CPP_MIN_LOG_LEVEL=0 in the environment shows why"
    if device == "gpu" and not gpus:
        raise UserError(f"params.yaml: device: gpu needs a GPU that {backend} can use. Got none ({reason}).")
    if device == "auto" and not gpus and Path("/dev/nvidiactl").exists():
        print(f"There is an NVIDIA card, but {backend} cannot use it ({reason}).", file=sys.stderr)
    keras.utils.set_random_seed(seed)
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        if not gpus:
            keras.src.backend.lstm = lstm
            keras.src.backend.random.dropout = dropout
    if backend == "jax":
        use_own_pooling()
    n_threads = threads or _cores()
    cpu = f"CPU, {_processor()}, {n_threads} thread{'s' if n_threads != 1 else ''}"
    return ", ".join([setup_gpus(backend, gpus) if gpus else cpu, *_numeric_variables()])


def _limit_threads(backend: str, threads: int) -> None:
    """Set the size of the backend's pool of threads, which it starts with its first operation.

    TensorFlow's numbers depend on this size and not on the cores that the process may use. JAX only reads its pool's
    size from the environment.
    """
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "jax":
        os.environ["NPROC"] = str(threads)
    else:
        raise UserError(f"params.yaml: threads: must be null with {backend}. Got {threads}.")


def _forget_user_settings() -> None:
    """Keras's own settings instead of those in a user's ~/.keras/keras.json, which would change numbers unseen."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)


def _numeric_variables() -> list[str]:
    """The user's environment variables that change a library's numbers, such as TF_USE_CUDNN: NAME=VALUE, sorted."""
    names = sorted(name for name in os.environ if NUMERIC.fullmatch(name) and not NOT_NUMERIC.fullmatch(name))
    return [f"{name}={os.environ[name]}" for name in names if os.environ[name] != OWN.get(name)]


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
