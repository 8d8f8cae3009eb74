"""Senders as processes of their own beside stages, and stores that fail in every way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from src.pipeline import sender, spool, tracking
from src.pipeline.files import UserError
from src.pipeline.sender import Sender, follow, send_by_hand
from src.pipeline.store import connect
from tests.pipeline.proxy import Proxy
from tests.pipeline.stores import check_training, environment, runs_of, wait_until, write_training

STAGE = """
import sys, time
from src.pipeline import tracking
from src.pipeline.files import write_json
from src.pipeline.runner import run

def work():
    with tracking.training_run("cm1", f"cm1-seed{sys.argv[1]}", {"seed": 27}, run_id=sys.argv[1]) as tracked:
        for epoch in range(1, 4):
            tracked.log_epoch(epoch, {"loss": 1 / epoch})
        print("running", flush=True)
        sys.stdin.readline()

start = time.perf_counter()
run("train cm1", work)
"""


def stage(top: Path, run_id: str, **variables: str) -> subprocess.Popen[str]:
    """A stage as DVC starts it: it writes a training and waits for a line; its sender is a real one."""
    return subprocess.Popen(
        [sys.executable, "-c", STAGE, run_id],
        cwd=top,
        env=environment(DVC_ROOT=str(top), NO_PROXY="127.0.0.1", **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_it_runs(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    assert process.stdout.readline() == "running\n"


def status(uri: str, run_id: str) -> str | None:
    found = runs_of(uri, run_id)
    return found[0].info.status if found else None


def test_a_stages_curves_arrive_while_it_runs_and_nothing_of_the_sender_is_left(top: Path) -> None:
    uri = f"sqlite:///{top}/mlflow.db"
    with stage(top, "a" * 32) as process:
        wait_until_it_runs(process)
        wait_until(lambda: status(uri, "a" * 32) == "RUNNING")
        wait_until(lambda: "epoch_loss" in runs_of(uri, "a" * 32)[0].data.metrics)
        out, told = process.communicate("\n", timeout=60)
    assert (process.returncode, out, told) == (0, "", "")
    wait_until(lambda: not spool.pending())
    assert status(uri, "a" * 32) == "FINISHED"
    wait_until(lambda: [path.name for path in spool.spool_folder().iterdir()] == ["sender.lock"])


def test_a_killed_training_is_a_killed_run_and_goes_on_in_it(top: Path) -> None:
    uri = f"sqlite:///{top}/mlflow.db"
    with stage(top, "b" * 32) as process:
        wait_until_it_runs(process)
        wait_until(lambda: status(uri, "b" * 32) == "RUNNING")
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: status(uri, "b" * 32) == "KILLED")
    with stage(top, "b" * 32) as process:
        wait_until_it_runs(process)
        wait_until(lambda: status(uri, "b" * 32) == "RUNNING")
        process.communicate("\n", timeout=60)
    wait_until(lambda: not spool.pending())
    (run,) = runs_of(uri, "b" * 32)
    assert run.info.status == "FINISHED"
    assert len(MlflowClient(uri).get_metric_history(run.info.run_id, "epoch_loss")) == 3


def test_a_terminated_training_is_a_failed_run(top: Path) -> None:
    with stage(top, "c" * 32) as process:
        wait_until_it_runs(process)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 143
    wait_until(lambda: not spool.pending())
    assert status(f"sqlite:///{top}/mlflow.db", "c" * 32) == "FAILED"


def test_two_stages_at_once_share_a_sender_and_both_arrive(top: Path) -> None:
    with stage(top, "d" * 32) as one, stage(top, "e" * 32) as other:
        for process in (one, other):
            wait_until_it_runs(process)
        for process in (one, other):
            process.communicate("\n", timeout=60)
    wait_until(lambda: not spool.pending())
    assert [status(f"sqlite:///{top}/mlflow.db", 32 * name) for name in "de"] == ["FINISHED"] * 2


@pytest.mark.parametrize("mode", ["away", "stall", "reset"])
def test_a_broken_store_costs_a_stage_a_second_and_a_line(proxy: Proxy, top: Path, mode: str) -> None:
    proxy.set(mode)
    secret = proxy.address.replace("http://", "http://bob:SECRET@")
    run_id = f"{mode:f<32}"
    with stage(top, run_id, MLFLOW_TRACKING_URI=secret, MLFLOW_HTTP_REQUEST_TIMEOUT="1") as process:
        wait_until_it_runs(process)
        wait_until(spool.trouble)
        start = time.monotonic()
        _, told = process.communicate("\n", timeout=60)
        seconds = time.monotonic() - start
    assert process.returncode == 0
    assert seconds < 3  # one, and the end of Python, beside other tests
    assert told.count("\n") == 1
    assert "could not record the run" in told
    assert "python -m src sync" in told
    assert "SECRET" not in told + (spool.spool_folder() / spool.TROUBLE).read_text(encoding="utf-8")
    wait_until_no_sender()
    assert spool.pending()
    proxy.set("pass")
    assert send_by_hand() == f"Sent cm1-seed{run_id}."
    assert [run.info.status for run in runs_of(proxy.address, run_id)] == ["FINISHED"]
    assert not spool.trouble()


def wait_until_no_sender() -> None:
    def free() -> bool:
        with spool.sender_lock() as mine:
            return mine

    wait_until(free)


def test_a_store_that_goes_away_midway_and_comes_back_gets_the_rest(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    sending = Sender()
    with tracking.training_run("cm1", "cm1-seed27", {"seed": 27}) as run:
        for epoch, mode in enumerate(["pass", "away", "stall", "pass", "reset", "pass"], 1):
            proxy.set(mode)
            run.log_epoch(epoch, {"loss": 1 / epoch})
            if mode == "pass":
                sending.send_all()
            else:
                with pytest.raises(UserError, match="could not record the run"):
                    sending.send_all()
    sending.send_all()
    (logged,) = runs_of(proxy.address, run.id)
    curve = MlflowClient(proxy.address).get_metric_history(logged.info.run_id, "epoch_loss")
    assert sorted((point.step, point.value) for point in curve) == [(epoch, 1 / epoch) for epoch in range(1, 7)]
    assert not spool.pending()


def test_a_slow_store_gets_everything(proxy: Proxy) -> None:
    proxy.delay = 0.05
    run_id = write_training()
    Sender().send_all()
    check_training(proxy.address, run_id)


def test_one_run_that_is_refused_holds_up_no_other_but_those_that_need_it(top: Path) -> None:
    first = write_training()
    Sender().send_all()
    with tracking.resumed_run("cm1", "cm1-seed27", first) as scores:
        scores.log_metrics({"a": 1}, step=2**63)  # more than the database can hold
    with tracking.resumed_run("cm1", "cm1-seed27", first) as scores:
        scores.log_metrics({"test_accuracy": 1})
    refused, waiting = spool.pending()
    other = write_training("cnn1")
    sending = Sender()
    sending.send_all()
    assert list(sending.errors) == [refused.name]
    assert spool.pending() == [refused, waiting]
    check_training(f"sqlite:///{top}/mlflow.db", other)
    with pytest.raises(UserError, match=r"Nothing was left to send. Not sent: 1, among them .spool/"):
        send_by_hand()


def test_a_sender_follows_and_ends_when_all_is_sent(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "nice", lambda _: None)
    run_id = write_training()
    follow()
    check_training(f"sqlite:///{top}/mlflow.db", run_id)
    start = time.monotonic()
    follow()  # nothing is left
    assert time.monotonic() - start < 0.5


def test_by_hand_everything_is_sent_and_told(top: Path) -> None:
    assert send_by_hand() == "Nothing was left to send."
    write_training()
    assert send_by_hand() == "Sent cm1-seed27."
    with tracking.new_run("report", {}, {}):
        assert send_by_hand() == "Nothing was left to send. Still being written: 1."
        with spool.sender_lock():
            assert send_by_hand() == "A running stage's own sender is at work. Runs that are not sent in full yet: 1."


def test_machines_are_watched_while_a_training_runs(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SAMPLE", 0.01)
    sending = Sender()
    with tracking.new_run("report", {}, {}) as report, tracking.training_run("cm1", "cm1-seed27", {"seed": 27}) as run:
        sending.send_all()
        time.sleep(0.05)
        sending.sample()
    sending.send_all()
    client, experiment = connect()
    logged = {run.data.tags["pipeline.run_id"]: run.data.metrics for run in client.search_runs([experiment])}
    assert 0 < logged[run.id]["system/system_memory_usage_percentage"] < 100
    assert "system/cpu_utilization_percentage" in logged[run.id]
    assert logged[report.id] == {}
