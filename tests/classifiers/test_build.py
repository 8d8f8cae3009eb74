import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from keras import layers

from benchmarks import stock
from src import classifiers
from src.params import signature_schema
from src.pipeline.files import UserError
from src.training.device import setup_device

ROOT = Path(__file__).parents[2]
MODELS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["models"]
COURSE = [name for name in MODELS if MODELS[name]["architecture"] in vars(stock)]
PUBLISHED = {  # parameters of the 2022 notebook's networks
    "cm1": 1_190_757,
    "cnn1": 1_062_309,
    "cnn2": 321_509,
    "cnn3": 321_509,
    "cnn4": 321_509,
    "cnn_vgg": 2_832_517,
    "cnn_lstm": 198_789,
    "cm4": 321_509,
}

AFTER_CONVOLUTIONS = {"conv2": 0.3, "dense1": 0.5}
DROPOUTS: dict[str, dict[str, float]] = {  # of the same: the rate after each layer that has weights
    "cm1": {},
    "cnn1": {},
    "cnn2": {"conv1": 0.3, **AFTER_CONVOLUTIONS},
    "cnn3": AFTER_CONVOLUTIONS,
    "cnn4": AFTER_CONVOLUTIONS,
    "cnn_vgg": {"dense1": 0.5, "dense2": 0.5, "embedding": 0.5},
    "cnn_lstm": {},
    "cm4": AFTER_CONVOLUTIONS,
}


def build(block: dict[str, Any], side: int = 28, classes: int = 5) -> keras.Model:
    return classifiers.build(shape=(side, side), classes=classes, **stock.network(block))


def block_of(architecture: str) -> dict[str, Any]:
    """An architecture with a plain value for each of its arguments."""
    arguments = signature_schema(f"src.classifiers.{architecture}", "body")
    return {"architecture": architecture} | {key: "tanh" if key == "activation" else 0.2 for key in arguments}


SIDES = {"lstm": 10}  # of 28, its loops, which are unrolled, take a minute to trace


def random_images(n: int = 4, side: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side), dtype=np.uint8)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in MODELS])
def test_a_model_of_the_course_has_the_published_number_of_parameters(name: str) -> None:
    assert build(MODELS[name]).count_params() == PUBLISHED[name]


@pytest.mark.parametrize("name", [name for name in DROPOUTS if name in MODELS])
def test_a_model_of_the_course_drops_where_and_as_often_as_the_notebooks(name: str) -> None:
    dropped, last = {}, ""
    for layer in build(MODELS[name]).layers:
        last = layer.name if layer.weights else last
        if getattr(layer, "rate", 0) > 0:
            dropped[last] = layer.rate
    assert dropped == DROPOUTS[name]


@pytest.mark.parametrize("architecture", classifiers.ARCHITECTURES)
def test_each_architecture_gives_probabilities_and_names_its_embedding(architecture: str) -> None:
    model = build(block_of(architecture), classes=7)
    probabilities = np.asarray(model(random_images()))
    assert probabilities.shape == (4, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert len(model.get_layer("embedding").output.shape) == 2


def test_images_too_small_for_an_architecture_are_told_in_a_line() -> None:
    with pytest.raises(UserError, match="^architecture vgg must have larger images. Got 8 x 8 pixels.$"):
        build(block_of("vgg"), side=8)


@pytest.fixture
def architecture(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    """Makes a function the body of an architecture `mine`; gives the block of a model of it."""

    def use(body: Callable[..., Any]) -> dict[str, Any]:
        monkeypatch.setattr(classifiers, "body", lambda name: body)
        return {"architecture": "mine"}

    return use


Architecture = Callable[[Callable[..., Any]], dict[str, Any]]


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError])
def test_an_error_of_an_architectures_author_is_shown_as_it_is(
    architecture: Architecture, error: type[Exception]
) -> None:
    def body(x: Any) -> Any:
        raise error("the kernel has no name")

    with pytest.raises(error, match="the kernel has no name"):
        build(architecture(body))


def test_a_body_that_ends_in_pictures_is_told_in_a_line(architecture: Architecture) -> None:
    def body(x: Any) -> Any:
        return layers.Conv2D(4, 3)(x)

    must = r"`body` must return one vector for each image, .* Got shape \('n', 26, 26, 4\).$"
    with pytest.raises(UserError, match=rf"^src/classifiers/mine.py: {must}"):
        build(architecture(body))


def test_a_body_without_an_embedding_is_told_in_a_line(architecture: Architecture) -> None:
    def body(x: Any) -> Any:
        return layers.Dense(4, name="hidden")(layers.Flatten(name="flatten")(x))

    must = "its last hidden layer must be named `embedding`. Got the layers images, channel, rescale, flatten, hidden.$"
    with pytest.raises(UserError, match=f"^src/classifiers/mine.py: {must}"):
        build(architecture(body))


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


@pytest.mark.parametrize("name", COURSE)
def test_the_mathematics_are_those_of_stock_keras(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(1)
    side = SIDES.get(MODELS[name]["architecture"], 28)
    written = stock.build(side=side, classes=5, **stock.network(MODELS[name]))
    written.save(tmp_path / "stock.keras")
    stocks = keras.models.load_model(tmp_path / "stock.keras")
    monkeypatch.setattr(keras.src.backend, "lstm", keras.src.backend.lstm)  # to be put back
    x = random_images(20, side)
    expected, expected_gradients = outputs_and_gradients(stocks, x[..., None].astype(np.float32) / 255)
    setup_device(seed=1, device="auto", threads=None)
    ours = build(MODELS[name], side)
    ours.set_weights(stocks.get_weights())
    outputs, gradients = outputs_and_gradients(ours, x)
    assert relative_error(outputs, expected) < 1e-4
    assert [gradient.shape for gradient in gradients] == [gradient.shape for gradient in expected_gradients]
    for got, wanted in zip(gradients, expected_gradients, strict=True):
        assert np.linalg.norm(wanted) > 0
        assert relative_error(got, wanted) < 1e-4


@pytest.mark.parametrize("architecture", classifiers.ARCHITECTURES)
def test_a_saved_model_loads_and_predicts_the_same(architecture: str, tmp_path: Path) -> None:
    model = build(block_of(architecture))
    classifiers.save(model, str(tmp_path / "model.keras"))
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(random_images())), np.asarray(model(random_images())))


def test_equal_weights_give_equal_files_without_the_optimizers_state(tmp_path: Path) -> None:
    for name in ("a", "b"):
        keras.backend.clear_session()  # Keras numbers the models of a process
        keras.utils.set_random_seed(1)
        model = build(block_of("dropout_cnn"))
        model.compile("adam", "categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
        classifiers.save(model, str(tmp_path / f"{name}.keras"))
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert (tmp_path / "a.keras").stat().st_size < 1.2 * 4 * model.count_params()
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


@pytest.mark.parametrize("architecture", classifiers.ARCHITECTURES)
def test_a_network_for_color_that_weighs_all_channels_alike_is_one_for_grey(architecture: str) -> None:
    side = SIDES.get(architecture, 28)
    grey = build(block_of(architecture), side=side)
    color = classifiers.build(shape=(side, side, 3), classes=5, **block_of(architecture))
    first, *others = grey.get_weights()
    color.set_weights([np.repeat(first, 3, axis=-2) / 3, *others])
    x = random_images(side=side)
    seen_in_color = np.asarray(color(np.repeat(x[..., None], 3, axis=-1)))
    np.testing.assert_allclose(seen_in_color, np.asarray(grey(x)), rtol=1e-4, atol=1e-5)
