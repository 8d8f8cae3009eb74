"""The command's preparations, and its committed result against the files that it was made from."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.commands import infer
from src.commands.infer import PER_GARMENT, find_clusters, read_garments
from src.inference.answer import written_labels
from src.inference.groupings import groupings
from src.inference.posterior import n_moves
from src.inference.records import Candidate, Hidden, Notebook, Sensitivity
from src.pipeline.files import UserError, read_json
from src.reporting.results import read_rows

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "metrics/infer"
NAMES = [
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
]


def test_clusters_are_those_of_scikit_learn() -> None:
    from sklearn.cluster import DBSCAN

    x = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    clusters = find_clusters(x, 0.3, 10)
    fitted = DBSCAN(eps=0.3, min_samples=10).fit(x)
    assert clusters["clusters"].tolist() == fitted.labels_.tolist()
    assert np.flatnonzero(clusters["core"]).tolist() == fitted.core_sample_indices_.tolist()


def test_other_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    splits = {split: np.array([0, 1, -1]) for split in ("train", "val", "test")}
    np.savez("data/garments.npz", allow_pickle=False, names=np.array(["a", "b"]), **splits)
    with pytest.raises(UserError, match=r"must be all of Fashion-MNIST\. Got 4 training images of known garments\."):
        read_garments()


@pytest.mark.parametrize(
    ("key", "value", "must"),
    [
        ("encoder", "cm9", r"must be one of cm1, .*\. Got 'cm9'"),
        ("models", ["cnn2", "cm9"], r"must be one of cm1, .*\. Got 'cm9'"),
        ("first_epoch", 4, "must be at most 3, the last one of all these models. Got 4"),
    ],
)
def test_what_the_notebook_lacks_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], key: str, value: Any, must: str
) -> None:
    params["infer"][key] = value
    monkeypatch.setattr(infer, "read_params", lambda: params)
    monkeypatch.chdir(tmp_path)  # where no data is
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data/published.json", "data")
    with pytest.raises(UserError, match=rf"^params\.yaml: infer\.{key}: {must}\.$"):
        infer.work()


def test_the_committed_result_fits_the_published_numbers_and_the_params(
    params: dict[str, dict[str, list[float]]],
) -> None:
    published: Notebook = read_json(ROOT / "data/published.json")
    sizes = [count // PER_GARMENT for count in published["test_label_counts"].values()]
    written = written_labels(published["written_decoding"], NAMES)
    plan, rows = params["infer"], read_rows(RESULT / "posterior.csv", Candidate)
    for row in rows:
        labels = np.empty(len(NAMES), int)
        for label, group in enumerate(row["grouping"].split(", ")):
            labels[[NAMES.index(name) for name in group.split(" + ")]] = label
        assert np.bincount(labels).tolist() == sizes
        assert n_moves(labels[None], sizes, written) == [row["n_moves"]]
    assert [row["log_likelihood"] for row in rows] == sorted((row["log_likelihood"] for row in rows), reverse=True)
    assert sum(row["flat"] for row in rows) <= 1
    tested = read_rows(RESULT / "selftest.csv", Hidden)
    assert len({row["grouping"] for row in tested}) == plan["n_mappings"]
    assert {row["temper"] for row in tested} == set(plan["tempers"])
    answers = read_rows(RESULT / "sensitivity.csv", Sensitivity)
    assert len(answers) == (1 + len(plan["errors"])) * len(plan["tempers"])
    assert all(row["set_size"] <= len(groupings(sizes)) for row in answers)
