import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

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


def small_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("steps_a_call", "reported"), [(1, [1] * 8), (3, [3, 1] * 2), (16, [3, 1] * 2)])
def test_several_steps_a_call_as_on_a_gpu_train_the_same(
    monkeypatch: pytest.MonkeyPatch, steps_a_call: int, reported: list[int]
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(34, 3)).astype(np.float32), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 34)]

    def train(steps: int) -> tuple[list[np.ndarray], list[int], list[dict[str, float]]]:
        monkeypatch.setattr(backend, "STEPS_A_CALL", {"CPU": steps, "GPU": steps})
        model = small_model()
        done: list[int] = []
        logs: list[dict[str, float]] = []
        on_epoch = lambda epoch, values: logs.append({"epoch": epoch} | values)  # noqa: E731
        backend.fit(
            model, (x, y), (x[:7], y[:7]), epochs=2, batch_size=10, seed=5, on_steps=done.append, on_epoch=on_epoch
        )
        return model.get_weights(), done, logs

    weights, done, logs = train(steps_a_call)
    expected, _, expected_logs = train(1)
    assert done == reported
    for got, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert [pytest.approx(log) for log in expected_logs] == logs
    assert [log["epoch"] for log in logs] == [1, 2]


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}, {"use_bias": False}])
def test_an_lstm_on_a_cpu_gives_what_kerass_own_loop_gives(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    layer = keras.layers.LSTM(5, **options)
    expected = np.asarray(layer(x))
    monkeypatch.setattr(keras.src.backend, "lstm", keras.src.backend.lstm)  # to be put back
    backend.start(seed=1, device="auto")
    asked = Mock(side_effect=keras.src.backend.lstm)
    monkeypatch.setattr(keras.src.backend, "lstm", asked)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=1e-5, atol=1e-6)
    assert asked.called


def test_another_backend_trains_by_kerass_own_fit_and_is_heard_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    x, y = np.zeros((25, 3), np.float32), np.eye(2, dtype=np.float32)[np.arange(25) % 2]
    done: list[int] = []
    epochs: list[int] = []
    backend.fit(
        small_model(),
        (x, y),
        (x, y),
        epochs=2,
        batch_size=10,
        seed=5,
        on_steps=done.append,
        on_epoch=lambda epoch, logs: epochs.append(epoch) if "val_loss" in logs else None,
    )
    assert (done, epochs) == ([1] * 6, [1, 2])
