import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service import utils

from src.pipeline import store, tracking
from src.pipeline.files import UserError
from src.pipeline.sender import Sender
from src.pipeline.store import as_user_error, connect, database_lock, store_uri, without_password
from tests.pipeline.stores import check_training, environment, runs, wait_until, write_training


@pytest.mark.parametrize("copy", [".dvc/tmp/exps/standalone/tmpa1b2", "."])
@pytest.mark.parametrize(
    ("uri", "name"),
    [(None, "mlflow.db"), ("", "mlflow.db"), ("sqlite:///mlflow.db", "mlflow.db"), ("sqlite:///o.db", "o.db")],
)
def test_a_relative_store_lies_at_the_top_whatever_the_current_folder(
    top: Path, monkeypatch: pytest.MonkeyPatch, copy: str, uri: str | None, name: str
) -> None:
    (top / copy).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(top / copy)
    if uri is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert store_uri() == f"sqlite:///{top}/{name}"


@pytest.mark.parametrize("uri", ["sqlite:////tmp/a.db", "http://bob:x@host:5000", "postgresql://bob:x@host/runs"])
def test_an_absolute_store_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert store_uri() == uri


@pytest.mark.parametrize("uri", ["sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_store_that_would_forget_all_runs_is_refused(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="must be a file or a server"):
        store_uri()


@pytest.mark.parametrize("name", ["what?", "'single' and \"double\""])
def test_a_repository_in_a_folder_that_mlflow_cannot_address_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / name))
    with pytest.raises(UserError, match="must have a path without `\\?` and without both kinds of quotes"):
        store_uri()


@pytest.mark.parametrize("name", ["100% a#b&c d", "it's", "ümläut"])
def test_other_folders_are_taken(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / name))
    shutil.copy(empty_store, tmp_path / name / "mlflow.db")
    client, experiment = connect()
    assert client.create_run(experiment).info.artifact_uri.startswith((tmp_path / name / "mlartifacts").as_uri())
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [name]


def test_a_query_of_the_address_is_not_a_part_of_the_file(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{top}/mlflow.db?timeout=1")
    connect()
    assert sorted(path.name for path in top.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:///no/such/folder/mlflow.db", r"must be writable. No such file or directory; set MLFLOW_TRACKING_URI"),
        ("sqlite:////sys/mlflow.db", r"must be writable. (Permission denied|Read-only file system); set"),
        ("sqlite:////tmp", r"must be writable. It is no file; set"),
        ("sqlite:///pipe", r"must be writable. It is no file; set"),
        ("sqlite:///notes.txt", r"must be an SQLite database. .*notes.txt is something else"),
        ("postgresql://bob:SECRET@127.0.0.1:9/runs", r"postgresql://\*\*\*@127.0.0.1:9/runs could not .*refused"),
        ("http://bob:SECRET@127.0.0.1:9", r"http://\*\*\*@127.0.0.1:9 could not record the run"),
        ("http://bob:SEC@RET@127.0.0.1:9", r"http://\*\*\*@127.0.0.1:9 could not record the run"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_in_a_line_at_once(
    top: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], uri: str, message: str
) -> None:
    os.mkfifo(top / "pipe")
    (top / "notes.txt").write_bytes(b"buy milk and bread")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(UserError, match=message) as error:
        connect()
    assert time.monotonic() - start < 10  # MLflow itself tries for 100 seconds
    assert "\n" not in str(error.value)
    assert "SEC" not in str(error.value) + "".join(capfd.readouterr())
    assert (top / "notes.txt").read_bytes() == b"buy milk and bread"


def test_a_server_that_never_answers_is_given_up(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert int(store.SETTINGS["MLFLOW_HTTP_REQUEST_TIMEOUT"]) <= 10  # MLflow's own is 120
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(UserError, match="could not record the run"):
            connect()
        assert time.monotonic() - start < 5


def test_settings_of_the_environment_come_first(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    connect()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"


def test_a_damaged_database_is_told_in_a_line(top: Path) -> None:
    connect()
    content = (top / "mlflow.db").read_bytes()
    (top / "mlflow.db").write_bytes(content[:4096] + b"?" * (len(content) - 4096))
    with pytest.raises(UserError, match="mlflow.db could not record the run: ") as error:
        connect()
    assert "\n" not in str(error.value)


def test_a_database_that_is_missing_is_created_whole_and_locked(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with database_lock(f"sqlite:///{file}"):
        tables = sqlite3.connect(file).execute("SELECT name FROM sqlite_master").fetchall()
        assert ("experiments",) in tables
        with (tmp_path / "mlflow.db.lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


def test_a_database_that_another_process_holds_is_waited_for_and_not_for_ever(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.3)
    with (top / "mlflow.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = pytest.raises(UserError, match=r"must end first\. It holds .*/mlflow\.db\.lock")
        with refused, database_lock(f"sqlite:///{top}/mlflow.db"):
            pass


CONNECT = (
    "import sys; from src.pipeline import store; print('ready', flush=True); sys.stdin.readline(); store.connect()"
)


def test_a_store_whose_making_was_killed_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / ".unfinished.mlflow.db"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", CONNECT], env=environment(DVC_ROOT=str(tmp_path)), stdin=pipe
    ) as process:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
        wait_until(lambda: half.exists() and half.stat().st_size)
        process.kill()
    assert (tmp_path / "mlflow.db").read_bytes() == b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(tmp_path))
        connect()
    assert not half.exists()


def test_two_processes_may_make_the_store_at_once(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    variables = environment(DVC_ROOT=str(tmp_path))
    processes = [
        subprocess.Popen([sys.executable, "-c", CONNECT], env=variables, stdin=pipe, stdout=pipe, stderr=pipe)
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes if process.stdout] == [b"ready\n"] * 2
    errors = [process.communicate(b"\n", timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    experiments = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_experiments()
    assert {experiment.name: experiment.artifact_location for experiment in experiments}[store.EXPERIMENT] == (
        (tmp_path / "mlartifacts").as_uri()
    )


def test_a_deleted_experiment_comes_back_with_the_next_run(top: Path) -> None:
    client, experiment = connect()
    client.delete_experiment(experiment)
    with tracking.new_run("report", {}, {}):
        pass
    Sender().send_all()
    assert [run.info.run_name for run in runs(f"sqlite:///{top}/mlflow.db")] == ["report"]


@pytest.mark.parametrize("is_copy", [False, True])
def test_in_a_moved_or_copied_repository_artifacts_are_found_and_new_ones_lie_beside_them(
    top: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, is_copy: bool
) -> None:
    run_id = write_training()
    Sender().send_all()
    elsewhere = tmp_path_factory.mktemp("else where") / "repository"
    shutil.copytree(top, elsewhere)
    if not is_copy:
        shutil.rmtree(top / "mlartifacts")
    monkeypatch.setenv("DVC_ROOT", str(elsewhere))
    monkeypatch.chdir(elsewhere)
    utils._artifact_repos_cache.clear()  # of this process, in which a repository is never moved
    new = write_training("cnn1")
    Sender().send_all()
    for known in (run_id, new):
        run = check_training(f"sqlite:///{elsewhere}/mlflow.db", known)
        assert run.info.artifact_uri.startswith((elsewhere / "mlartifacts").as_uri() + "/")
    assert not is_copy or len(list((top / "mlartifacts").rglob("notes.txt"))) == 1
    assert len(list((elsewhere / "mlartifacts").rglob("notes.txt"))) == 2


def test_postgresql_gets_a_training_whole(top: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"{postgres}/postgres"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for model in ("cm1", "cnn1"):
        run_id = write_training(model)
        Sender().send_all()
        run = check_training(uri, run_id)
        assert run.info.artifact_uri.startswith((top / "mlartifacts").as_uri())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("SECRET", "SECRET%20"))
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 1)
    with pytest.raises(UserError, match="password authentication failed") as error:
        connect()
    assert "SECRET" not in str(error.value)


def test_a_server_needs_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with database_lock("http://127.0.0.1:5000"):
        assert list(tmp_path.iterdir()) == []


def test_what_mlflow_refuses_is_told_in_a_line_without_the_password() -> None:
    uri = "http://bob:SECRET@host"
    with pytest.raises(UserError) as error, as_user_error(uri):
        raise MlflowException(f"(raised by a library)\n{uri} is away\nmore")
    assert str(error.value) == "The MLflow store http://***@host could not record the run: http://***@host is away"


def test_an_address_without_a_password_stays_as_it_is() -> None:
    assert without_password("http://host/a@b and sqlite:////x.db") == "http://host/a@b and sqlite:////x.db"
