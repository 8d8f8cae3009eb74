"""The precision that layers compute in."""

import re
from pathlib import Path

from src.pipeline.schema import Precision

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # of Keras: mixed where variables stay float32


def set_precision(precision: Precision, device: str) -> None:
    """Set Keras's policy for the layers that are built from now on; a model's file keeps the policy of its layers.

    device: in words. On a processor without instructions for bfloat16 a line says that it is slower.
    """
    import keras

    keras.config.set_dtype_policy(POLICIES[precision])
    if precision == "bfloat16" and device.startswith("CPU") and not _has_bfloat16():
        print("train: precision: bfloat16 is slower than float32 on this processor: it lacks avx512_bf16.", flush=True)


def _has_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16, as far as Linux tells."""
    info = Path("/proc/cpuinfo")
    return bool(info.exists() and re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", info.read_text(encoding="utf-8")))
