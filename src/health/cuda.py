"""NVIDIA's libraries from PyPI, asked for as TensorFlow asks for them; a card is not needed."""

import ctypes
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from src.health.check import Check
from src.health.environment import installed
from src.pipeline.files import repository_root

OLDEST_CUDNN = (9, 24)  # with 9.5, TensorFlow 2.21 fails in every convolution under XLA
MEND = "pip install --require-hashes -r requirements-gpu.txt"
# A harmless function of each library that TensorFlow opens when it is called, with its number of arguments before the
# pointer to its answer. TensorFlow exports its own of these names, which look for the library first.
ASKED = {
    "cudaRuntimeGetVersion": 0,
    "cublasGetCudartVersion": 0,
    "cublasLtGetVersion": 0,
    "cudnnGetVersion": 0,
    "cufftGetVersion": 0,
    "cusparseGetProperty": 1,
    "ncclGetVersion": 0,
    "cuptiGetVersion": 0,
}
NEEDED = {"cublas", "cublasLt", "cudart", "cudnn", "cufft", "cupti", "cusparse", "nccl"}  # by those functions
DRIVER = "libcuda.so.1"  # comes with the card


def cudnn() -> Check:
    """Whether NVIDIA's library for networks is new enough, where TensorFlow has it from PyPI."""
    ours = installed("nvidia-cudnn-cu12")
    if ours is None:
        return Check("ok", "not installed, and needed with a GPU only")
    if tuple(map(int, ours.split(".")[:2])) >= OLDEST_CUDNN:
        return Check("ok", ours)
    oldest = ".".join(map(str, OLDEST_CUDNN))
    return Check("broken", f"must be {oldest} or newer, or convolutions fail. Got {ours}", MEND)


def libraries() -> Check:
    """Whether TensorFlow finds the libraries that it opens, and whether these and their tools find what they need."""
    if installed("nvidia-cudnn-cu12") is None:
        return Check("ok", "not installed, and needed with a GPU only")
    command = [sys.executable, "-m", "src.health.cuda"]  # TensorFlow aborts the process where a library is missing
    done = subprocess.run(command, cwd=repository_root(), capture_output=True, text=True)
    *_, last = done.stdout.splitlines() or ["nothing"]
    if done.returncode < 0:
        return Check("broken", f"TensorFlow does not find the library that has {last}", MEND)
    if done.returncode:
        return Check("broken", (done.stderr.splitlines() or [last])[-1], MEND)
    return Check("ok", last)


def open_all(packages: Path) -> None:
    """Open the libraries as TensorFlow does, then all of NVIDIA's packages. Prints what it asks for, then a summary.

    packages: the folder that TensorFlow is installed in. Raises OSError for a file that is missing or misses another.
    """
    tensorflow = ctypes.CDLL(str(packages / "tensorflow/libtensorflow_framework.so.2"))
    answer = ctypes.c_int()
    for name, n_before in ASKED.items():
        print(name, flush=True)
        getattr(tensorflow, name)(*[0] * n_before, ctypes.byref(answer))
    missing = NEEDED - opened()
    if missing:
        raise OSError(f"missing: {', '.join(sorted(missing))}")
    files, waiting = sorted(packages.glob("nvidia/*/lib/*.so*")), []
    for file in files:
        try:
            ctypes.CDLL(str(file))
        except OSError as error:
            if not str(error).startswith(DRIVER):
                raise
            waiting.append(file.name)
    for tool in ("bin/ptxas", "nvvm/libdevice/libdevice.10.bc"):
        (packages / "nvidia/cuda_nvcc" / tool).stat()
    driver = f"; {DRIVER}, the driver's, is missing to {', '.join(waiting)}" if waiting else ""
    print(f"TensorFlow opens its {len(NEEDED)} libraries; of all {len(files)} none misses another{driver}")


def opened() -> set[str]:
    """The libraries in this process's memory: `cudnn` for .../libcudnn.so.9."""
    paths = {line.split()[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()}
    return {Path(path).name.removeprefix("lib").split(".so")[0] for path in paths if ".so" in path}


if __name__ == "__main__":
    found = find_spec("tensorflow")
    open_all(Path(str(found.origin if found else "")).parents[1])
