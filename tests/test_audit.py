from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.audit import audit, main, without_leaked
from src.comparison.runs import Run
from src.pipeline.files import read_csv, read_json
from tests.comparison.example import example_run, write_files

BLOCK: dict[str, Any] = {"model": "a", "max_listed": 3, "max_shown": 2}
SIZES = {"train": 60, "val": 90, "test": 120}


def confident(y: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities of a good model: (n, classes), most of it at the label."""
    probabilities = np.random.default_rng(0).random((len(y), classes)) * 0.1
    probabilities[np.arange(len(y)), y] += 1
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def test_labels_that_were_changed_are_the_issues_the_least_likely_first() -> None:
    y = np.arange(300) % 3
    probabilities = confident(y, 3)
    probabilities[40] = [0.01, 0.98, 0.01]
    changed = y.copy()
    changed[[7, 40, 200]] = (y[[7, 40, 200]] + 1) % 3
    issues = audit(changed, probabilities, **BLOCK)
    assert (issues.n_issues, set(issues.listed.tolist())) == (3, {7, 40, 200})
    assert (np.diff(probabilities[issues.listed, changed[issues.listed]]) >= 0).all()
    assert issues.shown.tolist() == issues.listed[:2].tolist()


def test_labels_that_the_model_would_give_too_are_no_issues() -> None:
    y = np.arange(300) % 3
    issues = audit(y, confident(y, 3), **BLOCK)
    assert (issues.n_issues, issues.listed.size) == (0, 0)


def test_accuracy_without_some_images() -> None:
    correct, leaked = np.array([True, True, False, False]), np.array([True, False, True, True])
    assert without_leaked(correct, leaked) == {"all": 0.5, "without_leaked": 1.0}
    assert without_leaked(correct, np.ones(4, bool)) == {"all": 0.5, "without_leaked": None}


def images() -> dict[str, np.ndarray]:
    """Random images of each split; one of the training images is blank, one test image is also for validation."""
    rng = np.random.default_rng(0)
    x = {split: rng.integers(1, 256, (n, 4, 4), dtype=np.uint8) for split, n in SIZES.items()}
    x["test"][5], x["train"][0] = x["val"][2], 0
    return x


def runs(test_errors: int) -> dict[str, list[Run]]:
    """Two models; `a` is confident and wrong on so many test images."""
    by_a = {"train": 0, "val": 0, "test": test_errors}
    return {"a": [example_run("a", errors=by_a, n=SIZES)], "b": [example_run("b", n=SIZES)]}


PARAMS: Any = {"models": {"a": {}, "b": {}}, "audit": BLOCK}


def test_the_stage_reports_every_oddity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(runs(test_errors=1), images())
    main(PARAMS)
    report = read_json("metrics/audit/images.json")
    assert (report["images"], report["blank_images"], report["leaked_test_images"]) == (SIZES, 1, 1)
    assert report["duplicate_pairs"] == {
        "within_training": 0,
        "within_test": 0,
        "across": 1,
        "with_different_labels": 1,
    }
    assert report["test_accuracy"]["a"]["all"] == pytest.approx(119 / 120)
    assert report["label_issues"] == {"model": "a", "n_examined": 210, "n_issues": 1}
    (issue,) = read_csv("metrics/audit/label_issues.csv")
    assert (issue["split"], issue["image"]) == ("test", f"test {issue['index']}")
    assert issue["label"] != issue["suggested"]
    assert Path("metrics/audit/label_issues.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert printed == "audit: 270 images: 1 blank, 1 test images also in training, 1 label issues among 210 by a\n"


def test_without_issues_the_list_is_empty_and_the_picture_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(runs(test_errors=0), images())
    main(PARAMS)
    header = "split,index,image,label,suggested,self_confidence\n"
    assert Path("metrics/audit/label_issues.csv").read_text(encoding="utf-8") == header
    assert Path("metrics/audit/label_issues.png").exists()


def test_a_test_set_that_is_all_in_training_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = images()
    x["test"][:60], x["test"][60:] = x["train"], x["train"]
    write_files(runs(test_errors=1), x)
    main(PARAMS)
    report = read_json("metrics/audit/images.json")
    assert report["leaked_test_images"] == 120
    assert report["test_accuracy"]["a"]["without_leaked"] is None
    assert report["note"] == "Every test image is also for training: no accuracy measures generalization."
