"""The GPUs of this machine, and how stages share them."""

import os
from collections.abc import Sequence
from pathlib import Path

from src.pipeline.files import UserError

SHARED_MEMORY = 0.9  # of a GPU that stages share: the rest is for what CUDA itself takes


def visible_gpus() -> list[str]:
    """The GPUs that CUDA would show to a process, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]
    return [name for name in named.split(",") if name not in ("", "-1")]


def gpu_places(gpus: Sequence[str], per_stage: float) -> list[str]:
    """CUDA_VISIBLE_DEVICES of each stage that may run at a time; per_stage 0.5: two of them share a GPU.

    Raises UserError where there are fewer GPUs than one stage takes.
    """
    if per_stage < 1:
        return [*gpus] * int(1 / per_stage)
    size = int(per_stage)
    if gpus and len(gpus) < size:
        raise UserError(f"--gpus-per-stage must be at most the number of GPUs, {len(gpus)}. Got {per_stage:g}.")
    return [",".join(gpus[start : start + size]) for start in range(0, len(gpus) - size + 1, size)]


def sharing_variables(per_stage: float) -> dict[str, str]:
    """Environment variables with which a stage leaves the others their part of a GPU; none if it shares none."""
    if not 0 < per_stage < 1:
        return {}
    return {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{SHARED_MEMORY * per_stage:.3f}"}
