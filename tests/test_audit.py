import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.audit import audit, duplicates, leaked, main, pairs, without
from src.stage import UserError

BLOCK: dict[str, Any] = {"model": "cm4", "listed": 3, "sheet": 2}


def confident(y: np.ndarray, classes: int, seed: int = 0) -> np.ndarray:
    """Probabilities of a good model: (n, classes), most of it at the label."""
    rng = np.random.default_rng(seed)
    probabilities = rng.random((len(y), classes)) * 0.1
    probabilities[np.arange(len(y)), y] += 1
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def test_labels_that_were_changed_are_the_suspects_the_least_likely_first() -> None:
    y = np.arange(300) % 3
    probabilities = confident(y, 3)
    probabilities[40] = [0.01, 0.98, 0.01]  # label 1
    changed = y.copy()
    changed[[7, 40, 200]] = (y[[7, 40, 200]] + 1) % 3
    found = audit(changed, probabilities, **BLOCK)
    assert np.flatnonzero(found["suspected"]).tolist() == [7, 40, 200]
    given = probabilities[found["listed"], changed[found["listed"]]]
    assert set(found["listed"]) == {7, 40, 200}
    assert (np.diff(given) >= 0).all()
    assert found["sheet"].tolist() == found["listed"][:2].tolist()


def test_labels_that_agree_raise_no_suspicion() -> None:
    y = np.arange(300) % 3
    assert not audit(y, confident(y, 3), **BLOCK)["suspected"].any()


def test_equal_images_are_found_and_counted_by_where_they_lie() -> None:
    images = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    images[[2, 5]], images[7], images[4] = images[0], images[6], images[3]
    groups = duplicates(images)
    assert groups == [[0, 2, 5], [3, 4], [6, 7]]
    y = np.array([0, 0, 1, 2, 2, 0, 1, 1])
    assert pairs(groups, 4, y) == {"within_training": 1, "within_test": 1, "across": 3, "with_different_labels": 2}
    assert leaked(groups, 4, 4).tolist() == [True, True, False, False]


def test_images_that_differ_in_one_pixel_are_no_duplicates() -> None:
    images = np.zeros((2, 3, 3), np.uint8)
    images[1, 2, 2] = 1
    assert duplicates(images) == []


def test_accuracy_without_some_images() -> None:
    correct, left_out = np.array([True, True, False, False]), np.array([True, False, True, True])
    assert without(correct, left_out) == {"all": 0.5, "without_images_of_training": 1.0}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]) -> dict[str, Any]:
    """Splits of random images, one test image also in training, and two models' predictions; their params."""
    monkeypatch.chdir(tmp_path)
    for folder in ("data/predictions", "metrics"):
        Path(folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    sizes = {"train": 60, "val": 90, "test": 120}
    x = {split: rng.integers(1, 256, (n, 4, 4), dtype=np.uint8) for split, n in sizes.items()}
    y = {split: np.arange(n) % 3 for split, n in sizes.items()}
    x["test"][5], x["train"][0] = x["val"][2], 0
    for split in sizes:
        np.savez(f"data/{split}.npz", x=x[split], y=y[split])
    np.savez("data/rows.npz", allow_pickle=False, **{split: np.arange(n)[::-1] for split, n in sizes.items()})
    for name in ("cm4", "cnn2"):
        val, test = (confident(y[split], 3)[None] for split in ("val", "test"))
        if name == "cm4":
            test[0, 5] = [1, 0, 0]  # the label is 2
        np.savez(f"data/predictions/{name}.npz", val=val, test=test)
    Path("metrics/prepare.json").write_text(json.dumps({"labels": ["a", "b", "c"]}))
    return params | {"models": {name: params["models"][name] for name in ("cm4", "cnn2")}, "audit": BLOCK}


def test_the_stage_tells_of_every_oddity(workspace: dict[str, Any]) -> None:
    main(workspace)
    report = json.loads(Path("metrics/audit.json").read_text())
    assert report["blank_images"] == 1
    assert report["equal_pairs"] == {"within_training": 0, "within_test": 0, "across": 1, "with_different_labels": 0}
    assert report["test_images_of_training"] == 1
    assert report["test_accuracy"]["cm4"] == {"all": 119 / 120, "without_images_of_training": 1.0}
    assert report["share_of_label"]["val"] == {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    assert report["suspects"] == {"model": "cm4", "looked_at": 210, "suspected": 1}
    with Path("metrics/suspects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0].values()) == ["test", "5", "test 114", "c", "a", "0.0", "True"]
    assert [row["suspected"] for row in rows[1:]] == ["False"] * 2
    assert Path("metrics/suspects.png").stat().st_size > 1000


def test_an_unknown_model_is_answered_with_the_known_ones(workspace: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="must be one of cm4, cnn2. Got 'resnet'"):
        main(workspace | {"audit": BLOCK | {"model": "resnet"}})
