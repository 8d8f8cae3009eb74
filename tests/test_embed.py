from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import openTSNE
import pytest
from sklearn.decomposition import PCA

from src import embed as module
from src.embed import embed
from src.pipeline.files import UserError, write_json

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


@pytest.fixture(scope="module")
def embedding(classifier: keras.Model, x: np.ndarray) -> dict[str, np.ndarray]:
    return embed([classifier], x, 1, **BLOCK)


def test_features_are_the_layers_output(
    classifier: keras.Model, x: np.ndarray, embedding: dict[str, np.ndarray]
) -> None:
    kernel, bias = classifier.get_layer("embedding").get_weights()
    expected = np.maximum(x.reshape(40, 36) / 255 @ kernel + bias, 0)
    assert embedding["features"].dtype == np.float32
    np.testing.assert_allclose(embedding["features"], expected, rtol=1e-4, atol=1e-5)


def test_the_pca_map_is_scikit_learns(embedding: dict[str, np.ndarray]) -> None:
    pca = PCA(2).fit(embedding["features"])
    np.testing.assert_allclose(embedding["explained"], pca.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(
        np.abs(embedding["pca"]), np.abs(pca.transform(embedding["features"])), rtol=1e-2, atol=1e-3
    )


def test_the_same_seed_gives_the_same_map_with_any_number_of_threads(
    classifier: keras.Model, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = partial(openTSNE.TSNE, n_iter=10, early_exaggeration_iter=10)  # threads wait for each other in each
    monkeypatch.setattr(openTSNE, "TSNE", few)
    first, again = (embed([classifier], x, threads, **BLOCK)["tsne"] for threads in (1, 2))
    assert first.shape == (40, 2)
    assert first.tobytes() == again.tobytes()


def test_neighbours_are_neighbours_on_the_map(classifier: keras.Model, x: np.ndarray) -> None:
    kind = np.arange(60) % 3
    images = x[kind] - np.random.default_rng(1).integers(0, 9, (60, 6, 6), dtype=np.uint8) * (x[kind] > 8)
    points = embed([classifier], images, 1, **BLOCK)["tsne"]
    distances = np.linalg.norm(points[:, None] - points, axis=2) + np.diag([np.inf] * 60)
    assert (kind[distances.argsort(axis=1)[:, :10]] == kind[:, None]).all()


def test_a_layer_with_more_axes_is_flattened(classifier: keras.Model, x: np.ndarray) -> None:
    embedding = embed([classifier], x, 1, **BLOCK | {"layer": "channel"})
    np.testing.assert_allclose(embedding["features"], x.reshape(40, 36) / 255, rtol=1e-5)


def test_an_unknown_layer_is_answered_with_the_known_ones(classifier: keras.Model, x: np.ndarray) -> None:
    with pytest.raises(UserError, match="embed.layer: must be a layer of toy: .*flatten, embedding.* Got 'dense9'"):
        embed([classifier], x, 1, **BLOCK | {"layer": "dense9"})


def test_a_perplexity_too_large_for_the_images_is_refused(classifier: keras.Model, x: np.ndarray) -> None:
    with pytest.raises(UserError, match="embed.perplexity: must be below a third of the 40 images of test. Got 14"):
        embed([classifier], x, 1, **BLOCK | {"perplexity": 14})


def test_the_untrained_features_are_those_of_the_same_encoder_with_other_weights(
    classifier: keras.Model, x: np.ndarray
) -> None:
    weights = classifier.get_weights()
    embedding = embed([classifier], x, 1, **BLOCK)
    assert embedding["untrained"].shape == embedding["features"].shape
    assert np.abs(np.corrcoef(embedding["untrained"].ravel(), embedding["features"].ravel())[0, 1]) < 0.9
    assert all((a == b).all() for a, b in zip(weights, classifier.get_weights(), strict=True))


def test_more_features_than_memory_allows_are_refused(
    classifier: keras.Model, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_VALUES", 40 * 8)
    embed([classifier], x, 1, **BLOCK)
    refusal = "embed.layer: must have 2 to 8 outputs for the 40 images of test from 1 encoders. flatten has 36; take"
    with pytest.raises(UserError, match=refusal):
        embed([classifier], x, 1, **BLOCK | {"layer": "flatten"})


def test_further_seeds_give_their_own_features_and_all_need_memory(
    classifier: keras.Model, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = keras.models.clone_model(classifier)
    embedding, alone = (embed(networks, x, 1, **BLOCK) for networks in ([classifier, other, classifier], [other]))
    assert embedding["other_seeds"].shape == (2, 40, 8)
    np.testing.assert_array_equal(embedding["other_seeds"][0], alone["features"])
    np.testing.assert_array_equal(embedding["other_seeds"][1], embedding["features"])
    assert alone["other_seeds"].shape == (0, 40, 8)
    monkeypatch.setattr(module, "MAX_VALUES", 3 * 40 * 8 - 1)
    with pytest.raises(UserError, match="must have 2 to 7 outputs for the 40 images of test from 3 encoders"):
        embed([classifier] * 3, x, 1, **BLOCK)


def test_the_input_layer_gives_the_pixels(classifier: keras.Model, x: np.ndarray) -> None:
    features = embed([classifier], x, 1, **BLOCK | {"layer": classifier.layers[0].name})["features"]
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, x.reshape(40, 36))


def test_the_stage_writes_all_in_one_file(
    classifier: keras.Model,
    x: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("models/toy").mkdir(parents=True)
    np.savez("data/test.npz", x=x, y=np.zeros(40, int))
    other = keras.models.clone_model(classifier)
    for seed, network in {10: classifier, 3: other, 99: other}.items():
        network.save(f"models/toy/{seed}.keras")
    write_json("data/runs/toy.json", {"seeds": [{"seed": 10}, {"seed": 3}]})  # 99 is left from an earlier training
    module.main({"seed": 3, "device": "cpu", "threads": None, "embed": BLOCK})
    embedding = np.load("data/embedding.npz")
    expected = embed([classifier, other], x, None, **BLOCK)
    np.testing.assert_array_equal(embedding["features"], expected["features"])
    np.testing.assert_array_equal(embedding["other_seeds"], expected["other_seeds"])
    shapes = {key: embedding[key].shape for key in embedding}
    wide = (40, 8)
    maps = {"pca": (40, 2), "tsne": (40, 2), "explained": (2,)}
    assert shapes == {"features": wide, "other_seeds": (1, *wide), "untrained": wide, **maps}
    assert "embed: 40 images of test, 8 dimensions (toy, embedding); the PCA map has" in capsys.readouterr().out
