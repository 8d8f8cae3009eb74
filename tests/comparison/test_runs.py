from pathlib import Path

import pytest

from src.comparison.runs import FOLDERS, read_runs, remove_others
from tests.comparison.example import example_run, write_files


def test_trainings_evaluations_and_histories_are_joined_by_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = [
        example_run(seed=27, errors={"train": 0, "val": 0, "test": 40}, train_seconds=7.0, n_resumed=3),
        example_run(seed=28, val_loss=[0.4, 0.6], errors={"train": 0, "val": 0, "test": 100}, train_seconds=8.0),
    ]
    write_files({"a": written})
    runs = read_runs(["a"])["a"]
    assert [(run.seed, run.train_seconds, run.accuracy["test"]) for run in runs] == [(27, 7.0, 0.9), (28, 8.0, 0.75)]
    assert [run.n_resumed for run in runs] == [3, 0]
    assert [(run.history["val_loss"], run.best_epoch) for run in runs] == [([0.5, 0.4], 2), ([0.4, 0.6], 1)]
    assert (runs[0].epochs, runs[0].recipe, runs[0].latency) == (2, written[0].recipe, written[0].latency)
    assert runs[1].correct["test"].sum() == 300


def test_files_of_models_that_are_gone_are_removed_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files({"a": [example_run()], "gone": [example_run()]})
    for model in ("a", "gone"):
        (tmp_path / "models" / model).mkdir(parents=True)
        (tmp_path / "models" / model / "27.keras").touch()
    (tmp_path / "data/runs/.gitignore").write_text("/a.json", encoding="utf-8")
    remove_others(["a"])
    assert list(read_runs(["a"])) == ["a"]
    left = {path.name for folder in FOLDERS for path in Path(folder).iterdir()}
    assert left == {".gitignore", "a", "a.json", "a.npz", "a.csv"}
    assert capsys.readouterr().out.count("gone") == len(FOLDERS)
    remove_others(["a"])
    assert capsys.readouterr().out == ""
