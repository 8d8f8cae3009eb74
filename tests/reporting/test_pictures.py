from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from src.images import splits
from src.reporting.heat import HEAT
from src.reporting.pictures import build_pictures

VALUES = {"train": np.array([0, 1, 2]), "val": np.array([10, 11]), "test": np.array([20, 21])}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Each image is filled with a value of its own, 10 times its split and its row; its garment is the same value.

    The model is wrong on the first image of each split.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for part, value in VALUES.items():
        x = np.broadcast_to(value[:, None, None], (len(value), 2, 2)).astype(np.uint8)
        np.savez(f"data/{part}.npz", x=x, y=value % 2, labels=np.array(["0", "1"]))
    names = np.array([f"g{value}" for value in range(22)])
    np.savez("data/garments.npz", allow_pickle=False, names=names, **VALUES)
    ids = {"train": ["train 4", "train 0", "train 2"], "val": ["train 1", "train 3"], "test": ["test 0", "test 1"]}
    np.savez("data/image_ids.npz", allow_pickle=False, **{part: np.array(names) for part, names in ids.items()})
    predicted = {part: np.where(value % 10 == 0, 1 - value % 2, value % 2) for part, value in VALUES.items()}
    probabilities = {part: 0.2 + 0.6 * np.eye(2)[label] for part, label in predicted.items()}
    (tmp_path / "data/occlusion").mkdir()
    fall = np.array([[[0.0, 0.5], [0.0, 0.0]]], np.float32)
    np.savez("data/occlusion/m.npz", allow_pickle=False, mistakes=np.array([1]), maps=fall)
    return {"m": [SimpleNamespace(predicted=predicted, probabilities=probabilities)]}


def pictures(runs: Any, split: splits.Split) -> Any:
    n = sum(len(VALUES[part]) for part in splits.parts(split))
    np.savez("data/embedding.npz", tsne=np.zeros((n, 2)), pca=np.zeros((n, 2)), features=np.zeros((n, 3)))
    np.savez("data/clusters.npz", kmeans=np.zeros(n, int), dbscan=np.full(n, -1))
    params = {"embed": {"split": split, "model": "m"}, "decode": {"n_per_label": 1}, "audit": {"max_shown": 2}}
    issues = [("val", 1), ("test", 0), ("val", 0)]
    results: Any = SimpleNamespace(
        prepared={"labels": ["0", "1"]},
        models={"m": None},
        mistakes=[{"model": "m", "test_index": 1}, {"model": "m", "test_index": 0}],
        issues=[{"split": part, "index": row} for part, row in issues],
    )
    return build_pictures(params, results, runs)


def test_pictures_are_those_of_their_rows(runs: Any) -> None:
    made = pictures(runs, "test")
    mistakes = [(int(shown.x[0, 0]), shown.garment) for shown, _, _ in made.mistakes["m"]]
    assert mistakes == [(21, "g21"), (20, "g20")]
    first, second = (heat for _, _, heat in made.mistakes["m"])
    assert first[1].tolist() == [[255 - 21] * 3] * 2  # the ground is dark: a negative
    assert first[0, 1].tolist() == (0.2 * (255 - 21) + 0.8 * HEAT).round().tolist()
    assert second is None  # that one was not looked into
    assert [(int(shown.x[0, 0]), shown.garment) for shown, _ in made.issues] == [(11, "g11"), (20, "g20")]
    assert {label: [int(x[0, 0]) for x in images] for label, images in made.labels.items()} == {"0": [20], "1": [21]}


@pytest.mark.parametrize(
    ("split", "ids"),
    [
        ("val", ["train 1", "train 3"]),
        ("all", ["train 4", "train 0", "train 2", "train 1", "train 3", "test 0", "test 1"]),
    ],
)
def test_dots_have_the_garment_prediction_and_id_of_their_image(runs: Any, split: splits.Split, ids: list[str]) -> None:
    embedded = pictures(runs, split).embedded
    values = np.concatenate([VALUES[part] for part in splits.parts(split)]).tolist()
    assert embedded.ids == ids
    assert embedded.x[:, 0, 0].tolist() == values
    named = {
        name: [grouping.names[number] for number in grouping.numbers.tolist()]
        for name, grouping in embedded.groupings.items()
    }
    assert named["garment"] == [f"g{value}" for value in values]
    assert named["outcome"] == ["correct" if value % 10 else "wrong" for value in values]
    assert named["DBSCAN cluster"] == ["noise"] * len(values)
    assert embedded.predicted["m"].tolist() == [value % 2 if value % 10 else 1 - value % 2 for value in values]
    np.testing.assert_allclose(embedded.confidence, 0.8)
    assert embedded.tested.tolist() == [value >= 20 for value in values]


def test_where_nothing_is_known_of_the_images_none_is_called_unknown(runs: Any) -> None:
    unknown = {part: np.full(len(value), -1) for part, value in VALUES.items()}
    np.savez("data/garments.npz", allow_pickle=False, names=np.array([], dtype=str), **unknown)
    made = pictures(runs, "test")
    assert [shown.garment for shown, _ in made.issues] == ["", ""]
    assert "garment" not in made.embedded.groupings
