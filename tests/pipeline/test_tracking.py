import os
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

from src import tracking
from src.stage import UserError

ROOT = Path(__file__).parents[1]


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


def trained(name: str = "cm1") -> Run:
    """A finished training run."""
    with tracking.training_run(name, {"epochs": 3}) as run:
        run.metrics({"loss": 0.5}, step=1)
    return run.client.get_run(run.id)


# ---- A training's run


def test_a_training_is_one_finished_run_with_params_metrics_and_tags(top: Path) -> None:
    before = int(time.time() * 1000)
    with tracking.training_run("cnn2", {"learning_rate": 5e-05, "epochs": 2, "activation": "relu"}) as run:
        assert run.client.get_run(run.id).info.status == "RUNNING"
        run.metrics({"loss": 0.75, "val_loss": 1}, step=1)
        run.metrics({"loss": 0.5, "val_loss": 2}, step=2)
        run.tags({"label_0": "Bag", "certified": True})
    found = only_run(top / "mlflow.db")
    assert (found.info.run_id, found.info.run_name, found.info.status) == (run.id, "cnn2", "FINISHED")
    assert before <= found.info.start_time <= found.info.end_time <= time.time() * 1000
    assert found.data.params == {"learning_rate": "5e-05", "epochs": "2", "activation": "relu"}
    assert found.data.metrics == {"loss": 0.5, "val_loss": 2}
    curve = run.client.get_metric_history(run.id, "loss")
    assert sorted((point.step, point.value) for point in curve) == [(1, 0.75), (2, 0.5)]
    assert found.data.tags.items() >= {"model": "cnn2", "label_0": "Bag", "certified": "True"}.items()


def test_a_report_has_a_run_of_its_own_that_keeps_the_page(top: Path) -> None:
    (top / "report.html").write_text("<p>found")
    with tracking.new_run("report", {"best": "cnn1"}, {}) as run:
        run.artifact("report.html")
    found = only_run(top / "mlflow.db")
    assert (found.info.run_name, found.info.status, found.data.tags["best"]) == ("report", "FINISHED", "cnn1")
    assert "model" not in found.data.tags
    assert [path.read_text() for path in (top / "mlartifacts").rglob("report.html")] == ["<p>found"]


def test_only_the_numbers_of_a_report_are_metrics() -> None:
    with tracking.training_run("cm1", {}) as run:
        run.metrics({"train_seconds": 1.5, "epochs": 3, "device": "CPU", "gpu": False})  # type: ignore[dict-item]
    assert run.client.get_run(run.id).data.metrics == {"train_seconds": 1.5, "epochs": 3}


@pytest.mark.parametrize("error", [ValueError, UserError, KeyboardInterrupt, SystemExit])
def test_a_training_that_fails_is_a_failed_run(top: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), tracking.training_run("cm1", {"epochs": 3}) as run:
        run.metrics({"loss": 0.5}, step=1)
        raise error
    found = only_run(top / "mlflow.db")
    assert found.info.status == "FAILED"
    assert found.info.end_time >= found.info.start_time
    assert found.data.metrics == {"loss": 0.5}


STAGE = """
import sys, time
from src import stage, tracking

def main(params):
    with tracking.training_run("cm1", {}) as run:
        stage.write_json("cm1.run.json", {"run_id": run.id})
        print("running", flush=True)
        time.sleep(60)

stage.run(main)
"""


def test_a_training_that_is_terminated_is_a_failed_run(top: Path) -> None:
    (top / "toy.py").write_text(STAGE)
    shutil.copy(ROOT / "params.yaml", top)
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


# ---- The same run once more


def test_a_resumed_run_gets_more_metrics_and_keeps_its_times(top: Path) -> None:
    before = trained()
    time.sleep(0.01)
    with tracking.resumed_run("cm1", before.info.run_id) as run:
        run.metrics({"test_accuracy": 0.9})
    after = only_run(top / "mlflow.db")
    assert run.id == after.info.run_id == before.info.run_id
    assert after.data.metrics == {"loss": 0.5, "test_accuracy": 0.9}
    assert after.data.params == before.data.params
    assert (after.info.start_time, after.info.end_time) == (before.info.start_time, before.info.end_time)
    assert after.info.status == "FINISHED"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_resumed_run_is_failed_by_an_error_and_finished_by_the_next_success(
    top: Path, error: type[BaseException]
) -> None:
    before = trained()
    with pytest.raises(error), tracking.resumed_run("cm1", before.info.run_id):
        raise error
    failed = only_run(top / "mlflow.db")
    assert (failed.info.status, failed.info.end_time) == ("FAILED", before.info.end_time)
    with tracking.resumed_run("cm1", before.info.run_id):
        pass
    healed = only_run(top / "mlflow.db")
    assert (healed.info.status, healed.info.end_time) == ("FINISHED", before.info.end_time)


@pytest.mark.parametrize("unknown", ["0123456789abcdef0123456789abcdef", "nothing like an id"])
def test_where_the_store_lacks_the_run_a_new_one_says_where_it_was_trained(top: Path, unknown: str) -> None:
    with tracking.resumed_run("cm1", unknown) as run:
        run.metrics({"test_accuracy": 0.9})
    found = only_run(top / "mlflow.db")
    assert found.info.run_id == run.id != unknown
    assert (found.info.run_name, found.info.status) == ("cm1", "FINISHED")
    assert found.info.end_time is not None
    assert found.data.tags["trained_in"] == unknown
    assert found.data.tags["model"] == "cm1"
    assert found.data.metrics == {"test_accuracy": 0.9}


def test_a_run_that_was_trained_here_is_not_tagged_as_from_elsewhere() -> None:
    assert "trained_in" not in trained().data.tags


# ---- Where the store lies


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
    ("file", "top_of_it"),
    [
        ("/home/me/fashion/src/tracking.py", "/home/me/fashion"),
        ("/home/me/fashion/.dvc/tmp/exps/tmpa1b2/src/tracking.py", "/home/me/fashion"),
        ("/home/me/fashion/.dvc/tmp/exps/standalone/tmpa1b2/src/tracking.py", "/home/me/fashion"),
        ("/home/me/exps/tmp/fashion/src/tracking.py", "/home/me/exps/tmp/fashion"),
    ],
)
def test_without_dvc_the_top_is_that_of_the_main_checkout(
    monkeypatch: pytest.MonkeyPatch, file: str, top_of_it: str
) -> None:
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.setattr(tracking, "__file__", file)
    assert tracking.root() == Path(top_of_it)


def test_dvc_says_where_the_top_is(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "__file__", "/home/me/fashion/src/tracking.py")
    assert tracking.root() == top


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("sqlite:///no/such/folder/mlflow.db", r"must be writable. No such file or directory; set MLFLOW_TRACKING_URI"),
        ("sqlite:////sys/mlflow.db", r"must be writable. (Permission denied|Read-only file system); set"),
        ("sqlite:////tmp", r"must be writable. Is a directory; set"),
        ("sqlite:///notes.txt", r"must be an SQLite database. .*notes.txt is something else"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_at_once(
    top: Path, monkeypatch: pytest.MonkeyPatch, uri: str, says: str
) -> None:
    (top / "notes.txt").write_text("buy milk and bread")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(UserError, match=says), tracking.training_run("cm1", {}):
        pytest.fail("a run in no store")
    assert time.monotonic() - start < 10  # MLflow itself tries for 100 seconds
    assert (top / "notes.txt").read_text() == "buy milk and bread"
    assert not (top / "no").exists()


def test_what_mlflow_refuses_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match="store http://127.0.0.1:9 must take the run") as error:
        tracking.connect()
    assert "\n" not in str(error.value)


def test_a_run_that_was_deleted_is_stood_for_by_one_other(top: Path) -> None:
    first = trained()
    client, _ = tracking.connect()
    client.delete_run(first.info.run_id)
    for metric in ("test_accuracy", "test_seconds"):
        with tracking.resumed_run("cm1", first.info.run_id) as run:
            run.metrics({metric: 1})
    found = only_run(top / "mlflow.db")
    assert found.data.tags["trained_in"] == first.info.run_id
    assert set(found.data.metrics) == {"test_accuracy", "test_seconds"}


def test_a_deleted_experiment_comes_back_with_the_next_run(top: Path) -> None:
    trained()
    client, experiment = tracking.connect()
    client.delete_experiment(experiment)
    trained("cnn2")
    assert "cnn2" in {run.info.run_name for run in runs(top / "mlflow.db")}


FIRST = """
import mlflow
from src import tracking
print("ready", flush=True)
input()
with tracking.training_run("cm1", {"a": 1}) as run:
    run.metrics({"loss": 0.5})
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
    assert {found.name: found.artifact_location for found in experiments}[tracking.EXPERIMENT] == (
        (top / "mlartifacts").as_uri()
    )


# ---- What leads back to DVC and git


@pytest.fixture
def commit(top: Path) -> str:
    """The only commit of a git repository at the top."""
    (top / "params.yaml").write_text("seed: 27\n")
    for command in ("init --quiet", "add params.yaml", "commit --quiet --message start"):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command.split()], check=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_a_run_names_its_commit(commit: str) -> None:
    tags = trained().data.tags
    assert len(commit) == 40
    assert (tags["git_commit"], tags["git_dirty"]) == (commit, "false")
    assert (tags["mlflow.source.name"], tags["mlflow.source.git.commit"]) == ("none", commit)
    assert (tags["dvc_stage"], tags["dvc_exp"]) == ("none", "workspace")


def test_a_run_says_that_a_tracked_file_was_changed(top: Path, commit: str) -> None:
    (top / "params.yaml").write_text("seed: 28\n")
    tags = trained().data.tags
    assert (tags["git_commit"], tags["git_dirty"]) == (commit, "true")


def test_results_that_a_stage_writes_are_no_change_of_what_runs(top: Path, commit: str) -> None:
    (top / "metrics").mkdir()
    results = top / "metrics/fetch.json", top / "dvc.lock"
    for file in results:
        file.write_text("old\n")
    for command in ("add metrics dvc.lock", "commit --quiet --message results"):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command.split()], check=True)
    for file in results:
        file.write_text("new\n")
    assert trained().data.tags["git_dirty"] == "false"


def test_a_run_names_dvcs_stage_and_experiment(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = "1" * 40
    for name, value in {"STAGE": "train@cm1", "EXP_NAME": "tinny-toes", "EXP_BASELINE_REV": baseline}.items():
        monkeypatch.setenv(f"DVC_{name}", value)
    tags = trained().data.tags
    assert (tags["dvc_stage"], tags["dvc_exp"]) == ("train@cm1", "tinny-toes")
    assert tags["git_commit"] == baseline != commit


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_repository_or_without_git_a_run_names_no_commit(
    path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path is not None:
        monkeypatch.setenv("PATH", path)
    assert trained().data.tags["git_commit"] == "none"


# ---- A tracking server


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
    with (folder / "log").open("w") as log:
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
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
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
    with tracking.resumed_run("cm1", run.info.run_id) as resumed:
        resumed.metrics({"test_accuracy": 0.9})
    with pytest.raises(ValueError, match="lost"), tracking.training_run("cnn2", {}):
        raise ValueError("lost")
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    assert experiment
    assert experiment.artifact_location.startswith("mlflow-artifacts:")  # the server's, no folder of this machine
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert {name: run.info.status for name, run in found.items()} == {"cm1": "FINISHED", "cnn2": "FAILED"}
    assert found["cm1"].data.metrics == {"loss": 0.5, "test_accuracy": 0.9}
    assert found["cm1"].data.params == {"epochs": "3"}
    assert found["cm1"].info.end_time == run.info.end_time
    (top / "report.html").write_text("<p>found")
    with tracking.new_run("report", {}, {}) as report:
        report.artifact("report.html")
    assert [file.path for file in client.list_artifacts(report.id)] == ["report.html"]
    assert not (top / "mlflow.db").exists()
