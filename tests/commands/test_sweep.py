"""The command as it is used: real trials by a real Ray, killed in the middle and started again."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from mlflow import MlflowClient

from src.commands import sweep
from src.commands.sweep import FOLDER, remove_checkpoints
from src.images.digits import read_digits
from src.pipeline.files import read_csv, read_json
from src.sweeping.cluster import TOP
from src.sweeping.records import opened
from tests.pipeline.stores import environment, runs, wait_until
from tests.sweeping.example import SETTINGS, finished, make, params_of, write_sets

ROOT = Path(__file__).parents[2]
MODEL = {"architecture": "cm1", "activation": "relu", "optimizer": "adam", "learning_rate": 0.001, "batch_size": 200}
SWEEP = {
    "space": {"tiny": {"learning_rate": {"log": [0.0001, 0.01]}, "batch_size": {"choice": [100, 200, 400]}}},
    **{"trials": 4, "concurrent": 1, "seeds": 1, "epochs": 3, "min_epochs": 2, "minutes": 30, "seed": 1},
    **{"fresh_seeds": 2, "confidence": 0.95},
}


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with params.yaml, the digits and an MLflow store."""
    folder = tmp_path_factory.mktemp("sweep")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"models": {"tiny": MODEL | {"epochs": 2, "replicas": 1}}, "device": "cpu", "sweep": SWEEP}
    params["audit"]["model"] = params["embed"]["model"] = "tiny"
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (folder / "data").mkdir()
    digits = read_digits()
    for split, rows in {"train": slice(0, 1100), "val": slice(1100, None)}.items():
        x, y = digits.x_train[rows], digits.y_train[rows]
        np.savez(folder / f"data/{split}.npz", x=x, y=y, labels=np.array([str(digit) for digit in range(10)]))
    shutil.copy(empty_store, folder / "mlflow.db")
    return folder


def start(top: Path) -> subprocess.Popen[str]:
    """Start the sweep."""
    return subprocess.Popen(
        [sys.executable, "-m", "src", "sweep"],
        cwd=top,
        env=environment(DVC_ROOT=str(top), HOME=str(top), XDG_CACHE_HOME=str(Path.home() / ".cache")),  # of fonts
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], matches: Callable[[str], bool]) -> list[str]:
    """What a process prints, up to the first line that matches."""
    lines = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line.rstrip())
        if matches(line):
            return lines
    process.wait()
    raise AssertionError("\n".join(lines))


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and those that it started, but for the one that sends runs to MLflow."""
    parent = psutil.Process(process.pid)
    return [parent, *(child for child in parent.children(recursive=True) if "sync" not in child.cmdline())]


def listening(processes: list[psutil.Process]) -> Iterator[str]:
    """The addresses at which processes listen."""
    for process in processes:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                yield connection.laddr.ip.removeprefix("::ffff:")


def is_agent(process: psutil.Process) -> bool:
    """Whether it is one of Ray's agents: after a kill they take a minute to give up, and do no work meanwhile."""
    return any("Agent" in word for word in process.cmdline())


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def test_a_killed_sweep_goes_on_where_it_was_and_leaves_nothing_behind(top: Path) -> None:
    killed = start(top)
    before = read_until(killed, lambda line: "trial-001 seed 27 epoch 1/3" in line)
    before_kill = family(killed)
    agents = [process for process in before_kill if is_agent(process)]
    assert len(agents) == 2
    assert set(listening(before_kill)) == {"127.0.0.1"}
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    wait_until(lambda: all_gone([process for process in before_kill if process not in agents]), 240)
    assert any("trial-000: finished" in line for line in before)

    again = start(top)
    after = read_until(again, lambda line: "trial-001" in line)
    processes = family(again)
    after += again.communicate()[0].splitlines()
    assert again.returncode == 0, "\n".join(after)
    assert all_gone(processes)
    wait_until(lambda: all_gone(before_kill), 240)
    (records,) = (top / ".sweeps").iterdir()
    assert not list(TOP.glob(f"sweep-{records.name[:12]}-*"))
    assert not (top / ".ray").exists()
    assert not [line for line in after if "trial-000 " in line]  # nothing of it is trained again
    assert not [line for line in after if "trial-001 seed 27 epoch 1/3" in line]

    rows = read_csv(top / "metrics/sweep/trials.csv")
    assert [row["trial"] for row in rows] == [f"trial-{number:03}" for number in range(4)]
    assert {row["state"] for row in rows} <= {"finished", "pruned"}
    assert (rows[0]["learning_rate"], rows[0]["batch_size"], rows[0]["epochs_trained"]) == ("0.001", "200", "3")
    assert (top / "metrics/sweep/slices.svg").is_file()
    check_winner(rows, read_json(top / "metrics/sweep/winner.json"), after)
    wait_until(lambda: not list((top / ".spool").glob("*.jsonl")), 240)
    check_runs(top, rows)
    assert not list((top / ".checkpoints").glob("*"))


def check_winner(rows: list[dict[str, str]], verdict: dict[str, Any], printed: list[str]) -> None:
    """Whether the winner is the best of the finished trials and the command names its values."""
    best = max((row for row in rows if row["state"] == "finished"), key=lambda row: float(row["val_accuracy"]))
    assert verdict["trial"] == best["trial"]
    assert verdict["fresh_seeds"] == [28, 29]
    assert verdict["interval"][0] <= verdict["val_accuracy"] <= verdict["interval"][1]
    if verdict["adopt"]:
        assert printed[-1].endswith(verdict["adopt"])
        assert any(f"models.tiny.{key}={best[key]}" in verdict["adopt"] for key in ("learning_rate", "batch_size"))


def check_runs(top: Path, rows: list[dict[str, str]]) -> None:
    """Whether MLflow has one run for each trial below one parent, each point of a curve once."""
    uri = f"sqlite:///{top}/mlflow.db"
    found = runs(uri)
    names = Counter(run.info.run_name for run in found)
    assert set(names.values()) == {1}
    assert {f"tiny-{row['trial']}" for row in rows} < set(names)
    assert {run.info.status for run in found} == {"FINISHED"}
    (parent,) = (run for run in found if run.info.run_name == "sweep")
    children = [run for run in found if run is not parent]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    client = MlflowClient(uri)
    for row in rows:
        (run,) = (run for run in children if run.info.run_name == f"tiny-{row['trial']}")
        assert run.data.tags["state"] == row["state"]
        assert run.data.params["learning_rate"] == row["learning_rate"]
        curve = client.get_metric_history(run.info.run_id, "epoch_val_accuracy_seed27")
        assert sorted(point.step for point in curve) == list(range(1, int(row["epochs_trained"]) + 1))
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert files == {"trials.csv", "slices.svg", "winner.json"}


def test_a_space_that_does_not_fit_is_refused_before_any_work(tmp_path: Path, top: Path) -> None:
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params["sweep"]["space"] = {"tiny": {"learning_rat": {"log": [0.1, 0.2]}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    refused = start(tmp_path)
    output = refused.communicate()[0]
    assert (refused.returncode, output.count("\n")) == (1, 1)
    assert output.startswith(
        "sweep: params.yaml: sweep.space.tiny: unknown key 'learning_rat'. Known here: architecture, "
    )
    assert {path.name for path in tmp_path.iterdir()} == {"params.yaml"}


def test_results_are_of_one_sweep_even_where_the_next_one_is_broken_off_or_has_no_winner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], no_sender: None
) -> None:
    """The trials are known, so that nothing is trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_sets(tmp_path)
    monkeypatch.setattr(sweep, "read_params", lambda: params_of(params) | {"sweep": SETTINGS})
    monkeypatch.setattr(sweep, "search", lambda *_: None)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "train_all", stop)
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    old = {"trials.csv": "old", "slices.svg": "old", "winner.json": "old"}
    for name, text in old.items():
        (folder / name).write_text(text, encoding="utf-8")
    plan = make(params)
    with opened(plan.key) as records:
        records.write(finished("trial-000", "tiny", plan.current("tiny"), {27: 0.9, 28: 0.8}))
    with pytest.raises(KeyboardInterrupt):
        sweep.work()
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == old
    monkeypatch.setattr(sweep.results, "find_winner", lambda *_: None)
    sweep.work()
    assert {path.name for path in folder.iterdir()} == {"trials.csv", "slices.svg"}
    assert "trial-000" in (folder / "trials.csv").read_text(encoding="utf-8")


def test_checkpoints_are_removed_with_the_trial_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_sets(tmp_path)
    plan = make(params)
    with opened(plan.key) as records:
        for name, rate, state in (("trial-000", 0.001, "finished"), ("trial-001", 0.002, "unfinished")):
            trial = finished(name, "tiny", {"learning_rate": rate, "batch_size": 16}, {27: 0.9})
            trial.state = state  # type: ignore[assignment]
            records.write(trial)
    folder = tmp_path / ".checkpoints"
    folder.mkdir()
    files = [folder / f"{plan.training_key(trial, 27)}.checkpoint" for trial in records.search]
    for file in files:
        file.touch()
    remove_checkpoints(plan, records)
    assert [file.exists() for file in files] == [False, True]
