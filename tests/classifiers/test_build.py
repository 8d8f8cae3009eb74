from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from benchmarks import stock
from src import backend, classifiers
from src.train import layer_table

PARAMETERS = {  # of the 2022 notebook's networks
    "cm1": 1_190_757,
    "cnn1": 1_062_309,
    "cnn2": 321_509,
    "cnn3": 321_509,
    "cnn4": 321_509,
    "cnn_vgg": 2_832_517,
    "cnn_lstm": 198_789,
    "cm4": 321_509,
}


def build(block: dict[str, Any], side: int = 28, classes: int = 5) -> keras.Model:
    return classifiers.build(side=side, classes=classes, **stock.network(block))


def random_images(n: int = 4, side: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side), dtype=np.uint8)


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_model_has_the_published_number_of_parameters(params: dict[str, Any], name: str) -> None:
    model = build(params["models"][name])
    assert model.count_params() == PARAMETERS[name]
    assert sum(row["parameters"] for row in layer_table(model)) == PARAMETERS[name]


def test_each_model_of_the_course_is_there(params: dict[str, Any]) -> None:
    assert list(params["models"]) == list(PARAMETERS)


@pytest.mark.parametrize("architecture", classifiers.ARCHITECTURES)
def test_each_architecture_gives_probabilities_and_names_its_embedding(
    params: dict[str, Any], architecture: str
) -> None:
    block = next(block for block in params["models"].values() if block["architecture"] == architecture)
    model = build(block, classes=7)
    probabilities = np.asarray(model(random_images()))
    assert probabilities.shape == (4, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert len(model.get_layer("embedding").output.shape) == 2


def test_images_too_small_for_an_architecture_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="negative"):
        build(params["models"]["cnn_vgg"], side=8)


def test_the_slope_of_leaky_relu_is_that_of_the_notebook() -> None:
    np.testing.assert_allclose(np.asarray(layers.Activation("leaky_relu")(np.array([-1.0, 0.0, 2.0]))), [-0.2, 0, 2])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "tanh"])
def test_activation_after_pooling_is_activation_before_pooling(activation: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    images = keras.Input((8, 8, 3))
    ours = keras.Model(images, classifiers.conv(images, "c", 4, activation, padding="same", pool=True))
    y = layers.Conv2D(4, 3, padding="same", activation=activation)(images)
    stock = keras.Model(images, layers.MaxPooling2D(2)(y))
    stock.set_weights(ours.get_weights())
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(stock(x)), rtol=1e-5, atol=1e-6)


def outputs_and_gradients(model: keras.Model, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Probabilities for images, and the gradients of the mean cross-entropy by each weight; dropout off."""
    labels = np.eye(5, dtype=np.float32)[np.arange(len(x)) % 5]

    @tf.function
    def compute(images: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(images, training=False)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(labels, outputs))
        return outputs, tape.gradient(loss, [weight.value for weight in model.trainable_weights])

    outputs, gradients = compute(tf.constant(x))
    return np.asarray(outputs), [np.asarray(gradient) for gradient in gradients]


def relative_error(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_mathematics_are_those_of_stock_keras(
    params: dict[str, Any], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras.utils.set_random_seed(1)
    written = stock.build(side=28, classes=5, **stock.network(params["models"][name]))
    written.save(tmp_path / "stock.keras")
    stocks = keras.models.load_model(tmp_path / "stock.keras")
    monkeypatch.setattr(keras.src.backend, "lstm", keras.src.backend.lstm)  # to be put back
    x = random_images(20)
    expected, expected_gradients = outputs_and_gradients(stocks, x[..., None].astype(np.float32) / 255)
    backend.start(seed=1, device="auto")
    ours = build(params["models"][name])
    ours.set_weights(stocks.get_weights())
    outputs, gradients = outputs_and_gradients(ours, x)
    assert relative_error(outputs, expected) < 1e-4
    assert [gradient.shape for gradient in gradients] == [gradient.shape for gradient in expected_gradients]
    for got, wanted in zip(gradients, expected_gradients, strict=True):
        assert np.linalg.norm(wanted) > 0
        assert relative_error(got, wanted) < 1e-4


def test_a_saved_model_loads_and_predicts_the_same(params: dict[str, Any], tmp_path: Path) -> None:
    model = build(params["models"]["cnn_lstm"])
    classifiers.save(model, str(tmp_path / "model.keras"))
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(random_images())), np.asarray(model(random_images())))


def test_equal_weights_give_equal_files_without_the_optimizers_state(params: dict[str, Any], tmp_path: Path) -> None:
    for name in ("a", "b"):
        keras.backend.clear_session()  # Keras numbers the models of a process
        keras.utils.set_random_seed(1)
        model = build(params["models"]["cm4"])
        model.compile("adam", "categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
        classifiers.save(model, str(tmp_path / f"{name}.keras"))
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert (tmp_path / "a.keras").stat().st_size < 1.2 * 4 * PARAMETERS["cm4"]
