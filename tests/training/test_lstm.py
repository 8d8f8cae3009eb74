from unittest.mock import Mock

import keras
import numpy as np
import pytest

from src.training.lstm import lstm


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}, {"use_bias": False}])
def test_an_lstm_on_a_cpu_gives_what_kerass_own_loop_gives(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    layer = keras.layers.LSTM(5, **options)
    expected = np.asarray(layer(x))
    asked = Mock(side_effect=lstm)
    monkeypatch.setattr(keras.src.backend, "lstm", asked)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=1e-5, atol=1e-6)
    assert asked.called
