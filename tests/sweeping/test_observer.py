import math
from pathlib import Path
from typing import Any

import pytest

from src.pipeline import tracking
from src.pipeline.sender import Sender
from src.pipeline.store import connect
from src.sweeping.observer import Observer, tracking_id
from src.sweeping.records import Records, Trial, opened
from tests.sweeping.example import make, row, write_sets

TUNABLES = {"learning_rate": 0.002, "batch_size": 32}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_sender: None) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_sets(tmp_path)


def report(trial_row: dict[str, float] | None, n_rows: int) -> dict[str, Any]:
    return {"row": trial_row, "n_rows": n_rows, "score": 0.5}


def records_of(records: Records, *names: str) -> None:
    for name in names:
        records.write(Trial(name, "tiny", TUNABLES, [27, 28]))


def test_trials_are_runs_below_one_parent_and_a_second_start_doubles_nothing(params: dict[str, Any]) -> None:
    plan = make(params, epochs=2)
    rows = [row(seed, epoch, 0.1 * epoch + seed / 100) for seed in (27, 28) for epoch in (1, 2)]
    for attempt in (1, 2):
        with (
            opened(plan.key) as records,
            tracking.new_run("sweep", {}, {}, run_id=tracking_id(plan.key, "sweep")) as parent,
            Observer(plan, records, parent.id, math.inf) as observer,
        ):
            if attempt == 1:
                records_of(records, "trial-000", "trial-001", "trial-002", "trial-003")
            for name in list(records.trials):
                observer.start(name)
            for number, epoch_row in enumerate(rows, start=1):
                observer.report("trial-000", report(epoch_row, number))
            observer.complete("trial-000")
            observer.report("trial-001", report(rows[0], 1))
            observer.complete("trial-001")
            observer.report("trial-002", report(None, 1))
            observer.complete("trial-002")
            observer.report("trial-003", report(rows[0], 1))  # and the process is stopped
        Sender().send_all()
    states = {name: trial.state for name, trial in Records(records.folder).trials.items()}
    assert list(states.values()) == ["finished", "pruned", "diverged", "unfinished"]
    client, experiment = connect()
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert set(runs) == {"sweep", *(f"tiny-{name}" for name in states)}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    best = runs["tiny-trial-000"]
    assert best.data.tags["mlflow.parentRunId"] == runs["sweep"].info.run_id
    assert best.data.params["learning_rate"] == "0.002"
    assert best.data.params["seeds"] == "[27, 28]"
    assert best.data.tags["state"] == "finished"
    assert runs["tiny-trial-001"].data.tags["state"] == "pruned"
    assert best.data.metrics["val_accuracy"] == pytest.approx(0.475)
    history = client.get_metric_history(best.info.run_id, "epoch_val_accuracy_seed28")
    assert [(point.step, point.value) for point in history] == [(1, pytest.approx(0.38)), (2, pytest.approx(0.48))]
    again = client.get_metric_history(runs["tiny-trial-003"].info.run_id, "epoch_val_accuracy_seed27")
    assert len(again) == 1


def test_what_is_stopped_by_time_goes_on_later_and_is_not_pruned(params: dict[str, Any]) -> None:
    plan = make(params)
    with opened(plan.key) as records:
        records_of(records, "trial-000")
        with Observer(plan, records, "0", deadline=-math.inf) as observer:
            observer.start("trial-000")
            observer.report("trial-000", report(row(27, 1, 0.5), 1))
            observer.complete("trial-000")
            assert observer.must_stop()
    assert records.trials["trial-000"].state == "unfinished"


def test_a_problem_stops_all_and_a_lost_worker_one_trial(params: dict[str, Any]) -> None:
    plan = make(params)
    with opened(plan.key) as records:
        records_of(records, "trial-000", "trial-001")
        with Observer(plan, records, "0", math.inf) as observer:
            observer.start("trial-000")
            observer.end("trial-000", "failed")
            assert not observer.must_stop()
            observer.start("trial-001")
            observer.report("trial-001", {"problem": "larger images"})
            observer.complete("trial-001")
            assert observer.must_stop()
            assert observer.problem == "larger images"
    assert [trial.state for trial in records.search] == ["failed", "unfinished"]
