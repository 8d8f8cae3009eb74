import json
import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src import classifiers
from src.serving.served_model import CHUNK, Classifier
from tests.serving.example import LABELS, SIDE, images


class Context:
    def __init__(self, folder: Path) -> None:
        self.artifacts = {"classifier": str(folder)}


@pytest.fixture(scope="module")
def folder(model_folder: Path) -> Path:
    return model_folder / "artifacts/classifier"


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    loaded = Classifier()
    loaded.load_context(Context(folder))
    return loaded


@pytest.mark.parametrize("n", [1, 3, CHUNK, CHUNK + 1])
def test_probabilities_are_the_networks_and_the_label_the_most_probable(
    classifier: Classifier, folder: Path, n: int
) -> None:
    network: Any = keras.saving.load_model(folder / "network.keras", compile=False)
    expected = np.asarray(network(images(n), training=False))
    records = classifier.predict(None, images(n))
    got = np.array([[record["probabilities"][label.label] for label in LABELS] for record in records])
    assert got == pytest.approx(expected, abs=2e-6)
    for record, row in zip(records, expected, strict=True):
        best = LABELS[row.argmax()]
        assert {key: record[key] for key in best._fields} == best._asdict()


def test_no_image_is_refused(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        classifier.predict(None, images(0))


def test_the_nearest_training_images_of_a_training_image_begin_with_itself(classifier: Classifier) -> None:
    record, nearest = classifier.explain(classifier.pictures[7], 3)
    assert nearest[0]["similarity"] == pytest.approx(1)
    assert np.array_equal(nearest[0]["image"], classifier.pictures[7])
    assert nearest[0]["label"] == LABELS[7 % 3].label
    assert record == classifier.predict(None, classifier.pictures[7:8])[0]
    assert len(nearest) == 3


def test_nearest_is_by_the_cosine_of_the_last_hidden_layer(classifier: Classifier) -> None:
    image = images(1, seed=4)
    features = classifier.forward(np.concatenate([image, classifier.pictures]))[1]
    lengths = np.linalg.norm(features, axis=1)
    cosines = features[1:] @ features[0] / (lengths[1:] * lengths[0])
    _, nearest = classifier.explain(image[0], 20)
    assert [near["similarity"] for near in nearest] == pytest.approx(sorted(cosines, reverse=True), abs=1e-5)


def test_threads_get_the_answers_to_their_own_images(classifier: Classifier) -> None:
    batches = [images(n, seed=n) for n in range(1, 17)]
    expected = [classifier.predict(None, batch) for batch in batches]
    got: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda number=number: got.update({number: classifier.predict(None, batches[number])}))
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[number] for number in range(16)] == expected


def test_a_network_with_code_in_it_is_refused(folder: Path, tmp_path: Path) -> None:
    """A Lambda layer holds Python code, which would run where the network is loaded or used."""
    marker = tmp_path / "code ran"
    path = str(marker)
    code = keras.layers.Lambda(lambda x: (__import__("os").mkdir(path), x)[1], output_shape=(SIDE, SIDE))
    inputs = keras.Input((SIDE, SIDE))
    flat = keras.layers.Flatten()(code(inputs))
    outputs = keras.layers.Dense(3)(keras.layers.Dense(4, name="embedding")(flat))
    keras.Model(inputs, outputs).save(tmp_path / "network.keras")
    for name in ("labels.json", "pictures.npz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ValueError, match="unsafe"):
        Classifier().load_context(Context(tmp_path))
    assert not marker.exists()
    unsafe: Any = keras.saving.load_model(tmp_path / "network.keras", safe_mode=False)
    unsafe(np.zeros((1, SIDE, SIDE), np.float32))
    assert marker.exists()  # so that the line above could fail


def test_pictures_that_are_pickled_are_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("labels.json", "network.keras"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    np.savez(tmp_path / "pictures.npz", x=np.array([{}], dtype=object), y=np.zeros(1))
    with pytest.raises(ValueError, match="allow_pickle"):
        Classifier().load_context(Context(tmp_path))


def test_features_of_more_axes_and_of_length_zero_are_taken(folder: Path, tmp_path: Path) -> None:
    inputs = keras.Input((SIDE, SIDE), dtype="uint8")
    zero = keras.layers.Rescaling(0.0)(inputs)
    embedding = keras.layers.Reshape((SIDE, SIDE, 1), name="embedding")(zero)
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(embedding))
    classifiers.save(keras.Model(inputs, outputs), str(tmp_path / "network.keras"))
    for name in ("labels.json", "pictures.npz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    loaded = Classifier()
    loaded.load_context(Context(tmp_path))
    record, nearest = loaded.explain(images(1)[0], 2)
    assert [near["similarity"] for near in nearest] == [0, 0]
    assert json.dumps(record)
