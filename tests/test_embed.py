from typing import Any

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from src.embed import embed
from src.stage import UserError

BLOCK: dict[str, Any] = {"model": "toy", "layer": "embedding", "split": "test", "perplexity": 5, "seed": 1}


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((6, 6), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Reshape((6, 6, 1), name="channel")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(8, activation="relu", name="embedding")(x)
    return keras.Model(images, keras.layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 6, 6), dtype=np.uint8)


def test_features_are_the_layers_output(classifier: keras.Model, x: np.ndarray) -> None:
    kernel, bias = classifier.get_layer("embedding").get_weights()
    expected = np.maximum(x.reshape(40, 36) / 255 @ kernel + bias, 0)
    features = embed(classifier, x, **BLOCK)["features"]
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_the_pca_map_is_scikit_learns(classifier: keras.Model, x: np.ndarray) -> None:
    found = embed(classifier, x, **BLOCK)
    pca = PCA(2).fit(found["features"])
    np.testing.assert_allclose(found["explained"], pca.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(np.abs(found["pca"]), np.abs(pca.transform(found["features"])), rtol=1e-2, atol=1e-3)


def test_the_same_seed_gives_the_same_maps(classifier: keras.Model, x: np.ndarray) -> None:
    first, again = embed(classifier, x, **BLOCK), embed(classifier, x, **BLOCK)
    assert first["tsne"].shape == (40, 2)
    np.testing.assert_array_equal(first["tsne"], again["tsne"])


def test_a_layer_with_more_axes_is_flattened(classifier: keras.Model, x: np.ndarray) -> None:
    found = embed(classifier, x, **BLOCK | {"layer": "channel"})
    np.testing.assert_allclose(found["features"], x.reshape(40, 36) / 255, rtol=1e-5)


def test_an_unknown_layer_is_answered_with_the_known_ones(classifier: keras.Model, x: np.ndarray) -> None:
    with pytest.raises(UserError, match="embed.layer: must be a layer of toy: .*flatten, embedding.* Got 'dense9'"):
        embed(classifier, x, **BLOCK | {"layer": "dense9"})


def test_a_perplexity_too_large_for_the_images_is_refused(classifier: keras.Model, x: np.ndarray) -> None:
    with pytest.raises(UserError, match="embed.perplexity: must be below the 40 images of test. Got 40"):
        embed(classifier, x, **BLOCK | {"perplexity": 40})


def test_the_untrained_features_are_those_of_the_same_encoder_with_other_weights(
    classifier: keras.Model, x: np.ndarray
) -> None:
    weights = classifier.get_weights()
    found = embed(classifier, x, **BLOCK)
    assert found["untrained"].shape == found["features"].shape
    assert np.abs(np.corrcoef(found["untrained"].ravel(), found["features"].ravel())[0, 1]) < 0.9
    assert all((a == b).all() for a, b in zip(weights, classifier.get_weights(), strict=True))
