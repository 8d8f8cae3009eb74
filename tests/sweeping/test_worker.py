import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from src.pipeline.files import UserError
from src.sweeping import worker
from src.sweeping.records import Trial
from src.sweeping.worker import run_trial
from tests.sweeping.example import finished, make, write_sets

SEEDS = [27, 28]


class Tune:
    """Takes the reports of a trial in place of Ray Tune; ends the trial at a report, as Tune does when it prunes."""

    def __init__(self, end_at: int | None = None) -> None:
        self.end_at, self.reports = end_at, list[dict[str, Any]]()

    def report(self, metrics: dict[str, Any]) -> None:
        self.reports.append(metrics)
        if len(self.reports) == self.end_at:
            sys.exit(0)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_sets(tmp_path)
    worker._setup.cache_clear()


def reports(monkeypatch: pytest.MonkeyPatch, plan: Any, trial: Trial, end_at: int | None = None) -> list[Any]:
    """What a trial reports."""
    tune = Tune(end_at)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(tune=tune))
    if end_at:
        with pytest.raises(SystemExit):
            run_trial({"trial": asdict(trial)}, plan)
    else:
        run_trial({"trial": asdict(trial)}, plan)
    return tune.reports


def numbers(reported: list[Any]) -> list[Any]:
    """All that does not differ between runs."""
    return [{**report, "row": {**report["row"], "seconds": 0}} for report in reported]


def test_an_interrupted_trial_goes_on_and_reports_what_an_unbroken_one_does(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    plan = make(params, epochs=2)
    trial = Trial("trial-002", "tiny", {"learning_rate": 0.002, "batch_size": 32}, SEEDS)
    unbroken = reports(monkeypatch, plan, trial)
    assert [(report["row"]["seed"], report["row"]["epoch"]) for report in unbroken] == [
        (seed, epoch) for seed in SEEDS for epoch in (1, 2)
    ]
    assert [report["n_rows"] for report in unbroken] == [1, 2, 3, 4]
    for checkpoint in Path(".checkpoints").glob("*.checkpoint"):
        checkpoint.unlink()
    broken = reports(monkeypatch, plan, trial, end_at=3)
    assert numbers(broken) == numbers(unbroken[:3])
    trained: list[int] = []
    train = worker.train

    def noted(*data: Any, **recipe: Any) -> Any:
        trained.append(data[3])
        return train(*data, **recipe)

    monkeypatch.setattr(worker, "train", noted)
    again = reports(monkeypatch, plan, trial)
    assert numbers(again) == numbers(unbroken)
    assert [report["row"] for report in again[:3]] == [report["row"] for report in broken]  # the seconds, too
    assert trained == [28]  # the first seed is finished


def test_a_trial_that_has_ended_is_reported_without_training(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    monkeypatch.setattr(worker, "train", None)
    trial = finished("trial-001", "tiny", {"learning_rate": 0.002, "batch_size": 32}, {27: 0.9, 28: 0.8})
    reported = reports(monkeypatch, make(params), trial)
    assert [report["row"] for report in reported] == trial.rows
    assert [report["score"] for report in reported] == [0.1, 0.1, 0.9, 0.9, 0.9, 0.85]
    trial.state, trial.rows = "diverged", trial.rows[:1]
    assert [report["score"] for report in reports(monkeypatch, make(params), trial)] == [0.1, 0.0]


def test_a_loss_that_is_no_number_is_the_worst_score_and_ends_the_trial(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    def diverging(*arguments: Any, **recipe: Any) -> None:
        arguments[-1](1, {"loss": float("nan"), "accuracy": 0.2, "val_loss": 0.0, "val_accuracy": 0.2})

    monkeypatch.setattr(worker, "train", diverging)
    trial = Trial("trial-002", "tiny", {"learning_rate": 9.0, "batch_size": 32}, SEEDS)
    monkeypatch.setattr(worker._Course, "clock", 0.0, raising=False)
    assert reports(monkeypatch, make(params), trial) == [{"row": None, "n_rows": 1, "score": 0.0}]


def test_what_the_user_must_solve_is_reported(monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UserError("architecture vgg must have larger images.")

    monkeypatch.setattr(worker, "train", refuse)
    trial = Trial("trial-002", "tiny", {"learning_rate": 0.002, "batch_size": 32}, SEEDS)
    assert reports(monkeypatch, make(params), trial) == [{"problem": "architecture vgg must have larger images."}]
