from typing import Any

import keras
import numpy as np
import pytest

from src.training.predictor import predictor

X = np.random.default_rng(0).integers(0, 256, (10, 4, 4), dtype=np.uint8)


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 4), dtype="uint8")
    return keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))))


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
@pytest.mark.parametrize("n", [3, 4, 8, 10])
def test_a_predictor_gives_what_the_model_gives_the_short_last_batch_too(
    n: int, backend: str, model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)  # the branch alone: another backend is not installed
    outputs = predictor(model, batch_size=4)(X[:n])
    assert outputs.shape == (n, 3)
    np.testing.assert_allclose(outputs, np.asarray(model(X[:n])), rtol=1e-5, atol=1e-6)


def test_an_image_gets_the_same_output_in_any_company(model: keras.Model) -> None:
    predict = predictor(model, batch_size=4)
    assert np.array_equal(predict(X)[9:], predict(X[9:]))


def test_batches_of_all_lengths_are_compiled_once(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[Any] = []

    class Counting(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            traced.append(x.shape)
            return x

    counting = keras.Model(model.inputs, Counting()(model.outputs[0]))
    predict = predictor(counting, batch_size=4)
    traced.clear()  # building the model has called it
    for n in (10, 3, 8, 1):
        predict(X[:n])
    assert traced == [(4, 3)]


def test_colored_images_are_taken() -> None:
    images = keras.Input((2, 2, 3), dtype="uint8")
    model = keras.Model(images, keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images)))
    x = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 3), dtype=np.uint8)
    np.testing.assert_allclose(predictor(model, batch_size=4)(x), x.reshape(5, -1) / 255, rtol=1e-6)
