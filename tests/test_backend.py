import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from src import backend
from src.stage import UserError

ROOT = Path(__file__).parents[1]


def test_gpu_without_a_gpu_is_an_error_not_a_cpu_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    with pytest.raises(UserError, match="device: gpu needs a GPU .* Got none"):
        backend.start(seed=1, device="gpu")


def test_cpu_hides_every_gpu_before_keras_is_there() -> None:
    code = (
        "from src import backend; import os; print(backend.start(seed=1, device='cpu'));"
        "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'), os.environ['CUDA_VISIBLE_DEVICES'])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    device, gpus = out.strip().splitlines()
    assert device.startswith("CPU, ")
    assert gpus == "[] -1"


def test_what_libraries_say_while_they_load_is_shown_only_when_that_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with backend._held_back_stderr():
        os.write(2, b"chatter")
    assert capfd.readouterr().err == ""
    with pytest.raises(ValueError, match="broken"), backend._held_back_stderr():
        os.write(2, b"reason")
        raise ValueError("broken")
    assert capfd.readouterr().err == "reason"


def test_the_device_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # `start` sets these for its own process: put back afterwards
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert backend.start(seed=1, device="cpu").startswith("CPU, ")
    assert backend.software().startswith(f"keras {keras.__version__}, {keras.backend.backend()} ")


def test_a_predictor_gives_what_the_model_gives_the_short_last_batch_too() -> None:
    images = keras.Input((4, 4), dtype="uint8")
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))))
    x = np.random.default_rng(0).integers(0, 256, (10, 4, 4), dtype=np.uint8)
    predict = backend.predictor(model, batch_size=4)
    expected = np.asarray(model(x))
    np.testing.assert_allclose(predict(x), expected, rtol=1e-5)
    np.testing.assert_allclose(predict(x[:3]), expected[:3], rtol=1e-5)
