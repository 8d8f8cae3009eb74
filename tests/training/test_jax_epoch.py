from typing import Any

import numpy as np
import pytest


def assert_same(training: dict[str, Any], expected: dict[str, Any]) -> None:
    """Assert that weights, optimizer, seeds and logs are equal but for float32's rounding."""
    for value, wanted in zip(training["values"], expected["values"], strict=True):
        np.testing.assert_allclose(np.array(value), np.array(wanted), rtol=1e-4, atol=1e-6)
    assert training["logs"] == [pytest.approx(log, rel=1e-5) for log in expected["logs"]]


def test_a_training_with_jax_is_that_of_kerass_own_fit(with_jax: dict[str, Any]) -> None:
    assert_same(with_jax["own"], with_jax["fit"])
    assert with_jax["fit"]["steps"] == [1, 1, 1, 1] * 2  # three whole batches and the rest, in two epochs
    assert with_jax["own"]["steps"] == [3, 1] * 2


def test_a_step_is_compiled_once_for_each_shape_and_not_in_each_epoch(with_jax: dict[str, Any]) -> None:
    first, second = with_jax["own"]["compiled"]
    assert first == second


def test_the_loss_falls(with_jax: dict[str, Any]) -> None:
    first, second = with_jax["own"]["logs"]
    assert second["loss"] < first["loss"]
    assert set(first) == {"loss", "accuracy", "val_loss", "val_accuracy"}
