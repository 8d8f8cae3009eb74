from collections.abc import Iterator

import keras
import pytest

from src.training import precision
from src.training.precision import matrix_rate, set_precision


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
    ("bfloat16", "device", "line"),
    [
        (70.2, "CPU, a processor, 2 threads", "70 GFLOP/s in bfloat16 and 135 in float32: bfloat16 is slower here.\n"),
        (140, "CPU, a processor, 2 threads", ""),
        (70.2, "GPU, a card", ""),
    ],
)
def test_where_bfloat16_is_slower_a_line_says_so(
    bfloat16: float,
    device: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(precision, "matrix_rate", {"bfloat16": bfloat16, "float32": 135.4}.get)
    set_precision("float32", device)
    assert capsys.readouterr().out == ""
    set_precision("bfloat16", device)
    assert capsys.readouterr().out == (line and f"train: this processor multiplies matrices at {line}")


def test_a_rate_is_that_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 9, 10, 13, 20, 22, 30, 34])  # starts and ends of four products, the first of which compiles
    monkeypatch.setattr(precision.time, "perf_counter", lambda: next(clock))
    assert matrix_rate("bfloat16") == 2 * 1024**3 / 2 / 1e9
