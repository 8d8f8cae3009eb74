from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from src.pipeline import schema

BOUNDS: dict[str, tuple[list[Any], list[Any]]] = {  # what passes and what does not
    "Share": ([0, 0.999, 5e-05], [-0.1, 1, "0.5", None, True]),
    "Fraction": ([0.001, 0.999], [0, 1, "0.5"]),
    "Majority": ([0.51, 0.999], [0.5, 1]),
    "Positive": ([1e-9, 5, 1.5e3], ["1.5e3", 0, -1, float("inf"), float("nan"), "nan"]),
    "Count": ([1, 10**9], [0, -1, 1.0, True, "1e3", None]),
    "Several": ([2, 10**9], [1, 2.0]),
    "Seed": ([0, 2**32 - 1], [-1, 2**32, 27.0, "27"]),
    "Device": (["auto", "cpu", "gpu"], ["tpu", None]),
    "Split": (["train", "val", "test", "all"], ["both", None]),
    "Activation": (["relu", "tanh"], ["gelu", None]),
}


def adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(getattr(schema, name), config=ConfigDict(strict=True))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (good, _) in BOUNDS.items() for value in good])
def test_what_lies_within_the_bounds_passes(name: str, value: Any) -> None:
    assert adapter(name).validate_python(value) == (
        float(value) if name in ("Share", "Fraction", "Positive") else value
    )


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (_, bad) in BOUNDS.items() for value in bad])
def test_what_lies_outside_the_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        adapter(name).validate_python(value)


def test_no_activation_ever_falls() -> None:
    import keras
    import numpy as np

    x = np.linspace(-5, 5, 1001, dtype=np.float32)
    for name in schema.Activation.__args__:  # type: ignore[attr-defined]
        assert np.all(np.diff(np.asarray(keras.activations.get(name)(x))) >= 0), name
