from typing import Any
from unittest.mock import Mock

import keras
import numpy as np
import pytest

from src.training.dropout import dropout


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Our dropout in the place of Keras's."""
    asked = Mock(side_effect=dropout)
    monkeypatch.setattr(keras.src.backend.random, "dropout", asked)
    return asked


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("rate", [0.003, 0.3, 0.5, 0.99])
def test_a_layer_drops_its_share_and_scales_the_rest(rate: float, dtype: str, asked: Mock) -> None:
    n = 200_001  # odd: a draw decides on two elements
    kept = np.asarray(keras.layers.Dropout(rate, seed=1, dtype=dtype)(np.ones((3, n // 3)), training=True), np.float64)
    assert asked.called
    assert np.mean(kept == 0) == pytest.approx(rate, abs=4 * (rate * (1 - rate) / n) ** 0.5)
    np.testing.assert_allclose(kept[kept != 0], 1 / (1 - rate), rtol=0.004 if dtype == "bfloat16" else 1e-6)


def test_elements_are_dropped_independently_of_their_neighbours() -> None:
    pairs = np.asarray(dropout(np.ones(200_000, np.float32), 0.5, seed=3)).reshape(-1, 2) == 0
    assert np.mean(pairs.all(axis=1)) == pytest.approx(0.25, abs=0.006)
    assert np.mean(pairs[1:, 0] & pairs[:-1, 1]) == pytest.approx(0.25, abs=0.006)


def test_the_gradient_goes_where_the_output_went() -> None:
    import tensorflow as tf

    x = tf.constant(np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = dropout(x, 0.4, seed=1)
    np.testing.assert_allclose(tape.gradient(y, x) * x, y, rtol=1e-6)


def test_a_seed_generator_gives_each_call_its_mask_and_the_same_ones_again() -> None:
    def masks() -> list[list[Any]]:
        seed, x = keras.random.SeedGenerator(5), np.ones((2, 30), np.float32)
        return [np.asarray(dropout(x, 0.5, seed=seed)).tolist() for _ in range(2)]

    first, second = masks()
    assert first != second
    assert masks() == [first, second]


def test_a_noise_shape_is_shared_and_a_rate_of_one_drops_all(asked: Mock) -> None:
    x = np.ones((4, 6, 6, 8), np.float32)
    channels = np.asarray(keras.layers.SpatialDropout2D(0.5, seed=2)(x, training=True))
    assert asked.called
    assert (channels == channels[:, :1, :1]).all()
    assert set(np.unique(channels)) == {0, 2}
    assert not np.asarray(dropout(x, 1.0)).any()
