"""The machine: room on the disk, memory, and the device that networks are trained on."""

import shutil
import tempfile
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from src.health.check import Check, State
from src.pipeline.files import repository_root
from src.training.device import setup_device

# Bytes. The outputs of a full run are under 1 GB, and DVC keeps those of earlier ones; a training takes up to 2.
DISK: dict[State, int] = {"broken": 10**9, "warning": 5 * 10**9}
MEMORY: dict[State, int] = {"broken": 10**9, "warning": 4 * 10**9}


CGROUP = Path("/sys/fs/cgroup")  # of a container: what it may take


def disk() -> Check:
    """Whether the repository and the temporary folder can be written to and have room."""
    for folder in (repository_root(), Path(tempfile.gettempdir())):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(4096))
        except OSError as error:
            return Check("broken", f"{folder} cannot be written to: {error.strerror}", "mend its rights or make room")
    free = shutil.disk_usage(repository_root()).free
    return _judged(
        free, DISK, f"{free / 1e9:.1f} GB free", "dvc gc --workspace --all-commits removes what no commit has"
    )


def memory() -> Check:
    """Whether enough memory is free, in a container of what it may take."""
    import psutil

    free = psutil.virtual_memory().available
    limit, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if limit.exists() and used.exists() and (text := limit.read_text(encoding="utf-8").strip()) != "max":
        free = min(free, int(text) - int(used.read_text(encoding="utf-8")))
    return _judged(free, MEMORY, f"{free / 1e9:.1f} GB free", "end other programs")


def _judged(free: int, limits: dict[State, int], says: str, mend: str) -> Check:
    """Broken or a warning below the limits, smallest first."""
    return next((Check(state, says, mend) for state, limit in limits.items() if free < limit), Check("ok", says))


def devices() -> Check:
    """Whether Keras's backend can compute, and on the graphics card if there is one."""
    with redirect_stderr(StringIO()) as complaints:
        device = setup_device(seed=0, device="auto", threads=None)
    import keras

    ones = keras.ops.ones((64, 64))
    if float(keras.ops.sum(keras.ops.matmul(ones, ones))) != 64**3:
        return Check("broken", f"{device}: a product of matrices is wrong", "try KERAS_BACKEND=jax or device: cpu")
    if complaint := complaints.getvalue().strip():
        return Check("warning", f"{device}. {complaint}", "pip install --require-hashes -r requirements-gpu.txt")
    return Check("ok", device)
