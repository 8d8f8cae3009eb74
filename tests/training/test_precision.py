from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

from src.training import precision
from src.training.precision import set_precision


@pytest.fixture(autouse=True)
def float32_again() -> Iterator[None]:
    """Keras's usual policy after the test."""
    yield
    keras.config.set_dtype_policy("float32")


def test_layers_compute_in_bfloat16_on_float32_weights() -> None:
    set_precision("bfloat16", "GPU, a card")
    dense = keras.layers.Dense(3)
    assert keras.backend.standardize_dtype(dense(keras.ops.ones((2, 4))).dtype) == "bfloat16"
    assert {weight.dtype for weight in dense.weights} == {"float32"}
    set_precision("float32", "GPU, a card")
    assert keras.layers.Dense(3).compute_dtype == "float32"


@pytest.mark.parametrize(
    ("flags", "device", "slower"),
    [
        ("fpu avx512f avx512_bf16", "CPU, a processor", False),
        ("fpu amx_bf16 avx512f", "CPU, a processor", False),
        ("fpu avx512f avx512_bf16x", "CPU, a processor", True),
        ("fpu avx2", "GPU, a card", False),
        (None, "CPU, a processor", True),
    ],
)
def test_a_processor_without_bfloat16_is_said_to_be_slower(
    flags: str | None,
    device: str,
    slower: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if flags:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n", encoding="utf-8")
    monkeypatch.setattr(precision, "Path", lambda _: tmp_path / "cpuinfo")
    set_precision("float32", device)
    assert capsys.readouterr().out == ""
    set_precision("bfloat16", device)
    assert capsys.readouterr().out.count("is slower than float32 on this processor") == slower
