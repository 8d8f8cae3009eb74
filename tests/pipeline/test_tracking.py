import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from src.pipeline import tracking
from src.pipeline.files import UserError

ROOT = Path(__file__).parents[2]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without what DVC, git and MLflow would take from it, for a process with src."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "GIT_", "MLFLOW_"))}
    return kept | {"PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"} | variables


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store. Making one takes MLflow seconds: tests copy it."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture(autouse=True)
def top(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of a repository with an empty store, and the current folder: not the one that is tested."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return tmp_path


def runs(file: Path) -> list[Run]:
    """The runs in a store, the newest first."""
    client = MlflowClient(f"sqlite:///{file}")
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def only_run(file: Path) -> Run:
    (run,) = runs(file)
    return run


def trained(model: str = "cm1") -> Run:
    """A finished training run."""
    with tracking.training_run(model, f"{model}-seed27", {"epochs": 3, "seed": 27}) as run:
        run.log_epoch(1, {"loss": 0.5})
    return run.client.get_run(run.id)


# A training's run


def test_a_training_is_one_finished_run_with_params_curves_metrics_and_tags(top: Path) -> None:
    before = int(time.time() * 1000)
    params = {"learning_rate": 5e-05, "epochs": 2, "activation": "relu", "seed": 28}
    with tracking.training_run("cnn2", "cnn2-seed28", params) as run:
        assert run.client.get_run(run.id).info.status == "RUNNING"
        run.log_epoch(1, {"loss": 0.75, "val_loss": 1})
        run.log_epoch(2, {"loss": 0.5, "val_loss": 2})
        run.log_metrics({"train_seconds": 1.5})
        run.set_tags({"decoded.label_0": "Bag", "certified": True})
    logged = only_run(top / "mlflow.db")
    assert (logged.info.run_id, logged.info.run_name, logged.info.status) == (run.id, "cnn2-seed28", "FINISHED")
    assert before <= logged.info.start_time <= logged.info.end_time <= time.time() * 1000
    assert logged.data.params == {"learning_rate": "5e-05", "epochs": "2", "activation": "relu", "seed": "28"}
    assert logged.data.metrics == {"epoch_loss": 0.5, "epoch_val_loss": 2, "train_seconds": 1.5}
    curve = run.client.get_metric_history(run.id, "epoch_loss")
    assert sorted((point.step, point.value) for point in curve) == [(1, 0.75), (2, 0.5)]
    assert logged.data.tags.items() >= {"model": "cnn2", "decoded.label_0": "Bag", "certified": "True"}.items()


def test_a_training_says_what_it_is_and_where_its_files_lie() -> None:
    description = trained("cnn2").data.tags["mlflow.note.content"]  # which the user interface shows above the run
    for part in ("model `cnn2` from seed 27", "stage `train`", "`models/cnn2/27.keras`", "`epoch_...`"):
        assert part in description
    assert "\n" not in description


def test_a_report_has_a_run_of_its_own_that_keeps_the_page(top: Path) -> None:
    (top / "report.html").write_bytes(b"<p>page")
    with tracking.new_run("report", {"best": "cnn1"}, {}) as run:
        run.log_artifact("report.html")
    logged = only_run(top / "mlflow.db")
    assert (logged.info.run_name, logged.info.status, logged.data.tags["best"]) == ("report", "FINISHED", "cnn1")
    assert "model" not in logged.data.tags
    assert [path.read_bytes() for path in (top / "mlartifacts").rglob("report.html")] == [b"<p>page"]


@pytest.mark.parametrize("error", [ValueError, UserError, KeyboardInterrupt, SystemExit])
def test_a_training_that_fails_is_a_failed_run(top: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), tracking.training_run("cm1", "cm1-seed27", {"seed": 27}) as run:
        run.log_metrics({"loss": 0.5})
        raise error
    logged = only_run(top / "mlflow.db")
    assert logged.info.status == "FAILED"
    assert logged.info.end_time >= logged.info.start_time
    assert logged.data.metrics == {"loss": 0.5}


@pytest.mark.parametrize("resumed", [False, True])
def test_an_error_stays_the_one_that_is_raised_where_its_run_cannot_be_closed(
    monkeypatch: pytest.MonkeyPatch, resumed: bool
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise MlflowException("http://bob:SECRET@host is away")

    run_id = trained().info.run_id
    run = tracking.resumed_run("cm1", "cm1-seed27", run_id) if resumed else tracking.new_run("cm1-seed27", {}, {})
    with pytest.raises(ValueError, match="^the loss is no number") as error, run:
        monkeypatch.setattr(MlflowClient, "set_terminated", refuse)
        monkeypatch.setattr(MlflowClient, "update_run", refuse)
        raise ValueError("the loss is no number")
    assert error.value.__notes__ == ["The MLflow run could not be closed: http://***@host is away"]


def test_a_run_that_cannot_be_closed_after_its_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise MlflowException("the server is away")

    refusal = pytest.raises(UserError, match="could not record the run: the server is away")
    with refusal, tracking.new_run("cm1-seed27", {}, {}):
        monkeypatch.setattr(MlflowClient, "set_terminated", refuse)


STAGE = """
import time
from src.pipeline import tracking
from src.pipeline.files import write_json
from src.pipeline.runner import run

def work():
    with tracking.training_run("cm1", "cm1-seed27", {"seed": 27}) as tracked:
        write_json("cm1.run.json", {"run_id": tracked.id})
        print("running", flush=True)
        time.sleep(60)

run("train cm1", work)
"""


def test_a_training_that_is_terminated_is_a_failed_run(top: Path) -> None:
    (top / "toy.py").write_text(STAGE, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "toy.py"], env=environment(DVC_ROOT=str(top)), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        assert only_run(top / "mlflow.db").info.status == "RUNNING"
        assert (top / "cm1.run.json").exists()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143
    assert only_run(top / "mlflow.db").info.status == "FAILED"
    assert not (top / "cm1.run.json").exists()


# The same run once more


def test_a_resumed_run_gets_more_metrics_and_keeps_its_times(top: Path) -> None:
    before = trained()
    time.sleep(0.01)
    with tracking.resumed_run("cm1", "cm1-seed27", before.info.run_id) as run:
        run.log_metrics({"test_accuracy": 0.9})
    after = only_run(top / "mlflow.db")
    assert run.id == after.info.run_id == before.info.run_id
    assert after.data.metrics == {"epoch_loss": 0.5, "test_accuracy": 0.9}
    assert after.data.params == before.data.params
    assert (after.info.start_time, after.info.end_time) == (before.info.start_time, before.info.end_time)
    assert after.info.status == "FINISHED"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_resumed_run_is_failed_by_an_error_and_finished_by_the_next_success(
    top: Path, error: type[BaseException]
) -> None:
    before = trained()
    with pytest.raises(error), tracking.resumed_run("cm1", "cm1-seed27", before.info.run_id):
        raise error
    failed = only_run(top / "mlflow.db")
    assert (failed.info.status, failed.info.end_time) == ("FAILED", before.info.end_time)
    with tracking.resumed_run("cm1", "cm1-seed27", before.info.run_id):
        pass
    healed = only_run(top / "mlflow.db")
    assert (healed.info.status, healed.info.end_time) == ("FINISHED", before.info.end_time)


@pytest.mark.parametrize("unknown", ["0123456789abcdef0123456789abcdef", "nothing like an id"])
def test_where_the_store_lacks_the_run_a_new_one_says_where_it_was_trained(top: Path, unknown: str) -> None:
    with tracking.resumed_run("cm1", "cm1-seed27", unknown) as run:
        run.log_metrics({"test_accuracy": 0.9})
    logged = only_run(top / "mlflow.db")
    assert logged.info.run_id == run.id != unknown
    assert (logged.info.run_name, logged.info.status) == ("cm1-seed27", "FINISHED")
    assert logged.info.end_time is not None
    assert logged.data.tags["model.trained_in"] == unknown
    assert logged.data.tags["model"] == "cm1"
    assert logged.data.metrics == {"test_accuracy": 0.9}


def test_a_run_that_was_trained_here_is_not_tagged_as_from_elsewhere() -> None:
    assert "model.trained_in" not in trained().data.tags


# Where the store lies


@pytest.mark.parametrize("copy", [".dvc/tmp/exps/standalone/tmpa1b2", ".dvc/tmp/exps/x"])
@pytest.mark.parametrize(
    ("uri", "name"),
    [(None, "mlflow.db"), ("", "mlflow.db"), ("sqlite:///mlflow.db", "mlflow.db"), ("sqlite:///o.db", "o.db")],
)
def test_a_stage_in_a_temporary_copy_logs_to_the_main_store(
    top: Path, monkeypatch: pytest.MonkeyPatch, copy: str, uri: str | None, name: str
) -> None:
    here = top / copy
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    if uri is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    (top / "mlflow.db").rename(top / name)
    run = trained()
    assert only_run(top / name).info.run_id == run.info.run_id
    assert run.info.artifact_uri.startswith(f"file://{top}/mlartifacts/")
    assert list(here.iterdir()) == []
    assert sorted(path.name for path in top.iterdir()) == sorted([".dvc", name, f"{name}.lock"])


def test_an_absolute_store_is_taken_as_it_is(top: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "runs.db"
    (top / "mlflow.db").rename(elsewhere)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}")
        run = trained()
    assert only_run(elsewhere).info.run_id == run.info.run_id
    assert not (top / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:///no/such/folder/mlflow.db", r"must be writable. No such file or directory; set MLFLOW_TRACKING_URI"),
        ("sqlite:////sys/mlflow.db", r"must be writable. (Permission denied|Read-only file system); set"),
        ("sqlite:////tmp", r"must be writable. Is a directory; set"),
        ("sqlite:///notes.txt", r"must be an SQLite database. .*notes.txt is something else"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_at_once(
    top: Path, monkeypatch: pytest.MonkeyPatch, uri: str, message: str
) -> None:
    (top / "notes.txt").write_bytes(b"buy milk and bread")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(UserError, match=message), tracking.new_run("cm1-seed27", {}, {}):
        pytest.fail("a run in no store")
    assert time.monotonic() - start < 10  # MLflow itself tries for 100 seconds
    assert (top / "notes.txt").read_bytes() == b"buy milk and bread"
    assert not (top / "no").exists()


@pytest.mark.parametrize(
    "user", ["", "bob:SECRET@", "bob:SEC@RET@"], ids=["no password", "a password", "one with an @"]
)
def test_a_server_that_is_away_is_told_in_a_line_without_its_password(
    user: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{user}127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    shown = f"http://{'***@' if user else ''}127.0.0.1:9"
    with pytest.raises(UserError, match=f"store {re.escape(shown)} could not record the run") as error:
        tracking.connect()
    assert "\n" not in str(error.value)
    assert "SEC" not in str(error.value) + "".join(capfd.readouterr())


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert int(tracking.SETTINGS["MLFLOW_HTTP_REQUEST_TIMEOUT"]) <= 10  # MLflow's own is 120
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(UserError, match="could not record the run"):
            tracking.connect()
        assert time.monotonic() - start < 10


def test_settings_of_the_environment_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    tracking.connect()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"


def test_a_damaged_database_is_told_in_a_line(top: Path) -> None:
    content = (top / "mlflow.db").read_bytes()
    (top / "mlflow.db").write_bytes(content[:4096] + b"?" * (len(content) - 4096))
    with pytest.raises(UserError, match="mlflow.db could not record the run: ") as error:
        trained()
    assert "\n" not in str(error.value)


def test_a_store_whose_making_was_killed_is_made_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    top = tmp_path_factory.mktemp("killed")
    code = "from src.pipeline import tracking; tracking.connect()"
    with subprocess.Popen([sys.executable, "-c", code], cwd=top, env=environment(DVC_ROOT=str(top))) as process:
        half = top / ".unfinished.mlflow.db"
        while not (half.exists() and half.stat().st_size):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert half.exists()
    assert (top / "mlflow.db").read_bytes() == b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(top))
        trained()
    assert only_run(top / "mlflow.db").info.status == "FINISHED"
    assert not half.exists()


def test_a_run_that_was_deleted_is_stood_for_by_one_other(top: Path) -> None:
    first = trained()
    client, _ = tracking.connect()
    client.delete_run(first.info.run_id)
    for metric in ("test_accuracy", "test_seconds"):
        with tracking.resumed_run("cm1", "cm1-seed27", first.info.run_id) as run:
            run.log_metrics({metric: 1})
    logged = only_run(top / "mlflow.db")
    assert logged.data.tags["model.trained_in"] == first.info.run_id
    assert set(logged.data.metrics) == {"test_accuracy", "test_seconds"}


def test_a_deleted_experiment_comes_back_with_the_next_run(top: Path) -> None:
    trained()
    client, experiment = tracking.connect()
    client.delete_experiment(experiment)
    trained("cnn2")
    assert "cnn2-seed27" in {run.info.run_name for run in runs(top / "mlflow.db")}


FIRST = """
import mlflow
from src.pipeline import tracking
print("ready", flush=True)
input()
with tracking.new_run("cm1-seed27", {}, {"a": 1}) as run:
    run.log_metrics({"loss": 0.5})
"""


def test_two_processes_may_make_the_store_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    top = tmp_path_factory.mktemp("new")
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST],
            cwd=top,
            env=environment(DVC_ROOT=str(top)),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * 2
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert [run.info.status for run in runs(top / "mlflow.db")] == ["FINISHED", "FINISHED"]
    experiments = MlflowClient(f"sqlite:///{top / 'mlflow.db'}").search_experiments()
    assert {experiment.name: experiment.artifact_location for experiment in experiments}[tracking.EXPERIMENT] == (
        (top / "mlartifacts").as_uri()
    )


# A tracking server


@pytest.fixture
def server(top: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a real tracking server."""
    folder = tmp_path_factory.mktemp("server")
    (top / "mlflow.db").rename(folder / "mlflow.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *store, "--port", str(port), "--workers", "1"],
            cwd=folder,
            env=environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while not healthy(port):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_bytes()
            time.sleep(0.2)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_a_tracking_server_gets_the_runs(top: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    run = trained()
    with tracking.resumed_run("cm1", "cm1-seed27", run.info.run_id) as resumed:
        resumed.log_metrics({"test_accuracy": 0.9})
    with pytest.raises(ValueError, match="lost"), tracking.new_run("cnn2-seed27", {}, {}):
        raise ValueError("lost")
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    assert experiment
    assert experiment.artifact_location.startswith("mlflow-artifacts:")  # the server's, no folder of this machine
    logged = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert {name: run.info.status for name, run in logged.items()} == {
        "cm1-seed27": "FINISHED",
        "cnn2-seed27": "FAILED",
    }
    assert logged["cm1-seed27"].data.metrics == {"epoch_loss": 0.5, "test_accuracy": 0.9}
    assert logged["cm1-seed27"].data.params == {"epochs": "3", "seed": "27"}
    assert logged["cm1-seed27"].info.end_time == run.info.end_time
    (top / "report.html").write_bytes(b"<p>page")
    with tracking.new_run("report", {}, {}) as report:
        report.log_artifact("report.html")
    assert [file.path for file in client.list_artifacts(report.id)] == ["report.html"]
    assert not (top / "mlflow.db").exists()
