import http.server
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from src.health import stores
from src.health.stores import MONTH, checkpoints, mlflow_store, newest_revision, spool


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """MLflow's own database, without a run."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path.read_bytes()


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


# The database


def test_no_database_is_that_of_a_new_repository(top: Path) -> None:
    assert mlflow_store().state == "ok"
    assert list(top.iterdir()) == []


def test_a_database_of_mlflows_is_in_order(top: Path, database: bytes) -> None:
    (top / "mlflow.db").write_bytes(database)
    assert mlflow_store() == ("ok", f"{top}/mlflow.db, 0 runs", "", None)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE alembic_version"],
        ["DELETE FROM alembic_version"],
        ["DROP TABLE runs"],
        ["UPDATE alembic_version SET version_num = '451aebb31d03'"],
    ],
)
def test_a_half_made_database_is_told_and_put_aside(statements: list[str], top: Path, database: bytes) -> None:
    path = top / "mlflow.db"
    path.write_bytes(database)
    change(path, *statements)
    check = mlflow_store()
    assert check.state == "broken"
    assert "half-made" in check.says
    assert check.fix
    check.fix()
    assert [path.name for path in top.iterdir()] == ["mlflow.db.broken"]
    assert mlflow_store().state == "ok"


def test_what_was_put_aside_before_is_kept(top: Path) -> None:
    for number in range(3):
        change(top / "mlflow.db", f"CREATE TABLE half_{number} (a)")
        fix = mlflow_store().fix
        assert fix
        (top / "mlflow.db-journal").write_bytes(b"%d" % number)
        fix()
    names = [f"mlflow.db.broken{number}" for number in ("", 1, 2)]
    assert sorted(path.name for path in top.iterdir()) == sorted([*names, *(f"{name}-journal" for name in names)])
    assert [(top / f"{name}-journal").read_bytes() for name in names] == [b"0", b"1", b"2"]


def test_a_database_with_runs_is_never_put_aside(top: Path, database: bytes) -> None:
    path = top / "mlflow.db"
    path.write_bytes(database)
    change(path, "UPDATE alembic_version SET version_num = '451aebb31d03'", "INSERT INTO runs (run_uuid) VALUES ('a')")
    check = mlflow_store()
    assert (check.state, check.fix) == ("warning", None)
    assert check.mend == f"mlflow db upgrade sqlite:///{path}"


def test_runs_without_the_version_of_the_tables_are_told_and_left_where_they_are(top: Path, database: bytes) -> None:
    path = top / "mlflow.db"
    path.write_bytes(database)
    change(path, "DROP TABLE alembic_version", "INSERT INTO runs (run_uuid) VALUES ('a')")
    check = mlflow_store()
    assert (check.state, check.fix) == ("broken", None)
    assert "has 1 runs, but not the version of its tables" in check.says


KILLED = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("CREATE TABLE large AS SELECT hex(zeroblob(1000000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_database_whose_writer_was_killed_is_in_order(top: Path, database: bytes) -> None:
    path = top / "mlflow.db"
    path.write_bytes(database)
    change(path, "INSERT INTO runs (run_uuid) VALUES ('a')")
    subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert Path(f"{path}-journal").stat().st_size
    assert mlflow_store() == ("ok", f"{path}, 1 runs", "", None)


def test_a_database_that_cannot_be_read_is_told_and_left_where_it_is(top: Path) -> None:
    (top / "mlflow.db").mkdir()
    check = mlflow_store()
    assert (check.state, check.fix) == ("broken", None)
    assert "mlflow.db cannot be read (unable to open database file)" in check.says


def test_a_database_that_is_held_is_told(top: Path, database: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "TIMEOUT", 0.1)
    (top / "mlflow.db").write_bytes(database)
    with closing(sqlite3.connect(top / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert mlflow_store()[:2] == ("warning", f"{top}/mlflow.db is held by another program")


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"cut"])
def test_a_damaged_database_is_told_and_left_as_it_is(content: bytes, top: Path, database: bytes) -> None:
    path = top / "mlflow.db"
    path.write_bytes(database[:20_000] if content == b"cut" else content)
    before = path.read_bytes()
    check = mlflow_store()
    assert (check.state, check.fix) == ("broken", None)
    assert path.read_bytes() == before


def test_the_newest_layout_is_that_of_a_new_database(database: bytes, top: Path) -> None:
    (top / "mlflow.db").write_bytes(database)
    with closing(sqlite3.connect(top / "mlflow.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest_revision(),)]


# A server


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/health": 200, "/login/health": 401}.get(self.path, 500))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server's host and port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("uri", "state", "says"),
    [
        ("http://{}", "ok", "http://{} answers"),
        ("http://bob:secret@{}/", "ok", "http://***@{}/ answers"),
        ("http://{}/login", "ok", "http://{}/login answers"),
        ("http://{}/broken", "warning", "http://{}/broken does not answer: it answers 500"),
        ("postgresql+psycopg2://bob:secret@{}/db", "ok", "postgresql+psycopg2://***@{}/db answers"),
        ("odd://{}", "warning", "odd://{} is of a kind that was never tried"),
    ],
)
def test_a_server_is_asked_and_no_password_is_told(
    uri: str, state: str, says: str, address: str, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(address))
    assert mlflow_store()[:2] == (state, says.format(address))


@pytest.mark.parametrize("uri", ["http://bob:secret@127.0.0.1:{}", "postgresql://bob:secret@127.0.0.1:{}/db"])
def test_a_server_that_is_away_or_never_answers_is_told_in_seconds(
    uri: str, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if uri.startswith("http"):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(port))
            start = time.monotonic()
            check = mlflow_store()
            assert time.monotonic() - start < 20
            assert (check.state, "secret" in str(check)) == ("warning", False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(port))
    check = mlflow_store()
    assert (check.state, "secret" in str(check)) == ("warning", False)
    assert "Connection refused" in check.says


# The spool and the checkpoints


def test_runs_that_wait_are_counted(top: Path) -> None:
    assert spool().state == "ok"
    (top / ".spool").mkdir()
    (top / ".spool/empty.jsonl").touch()
    assert spool().state == "ok"
    (top / ".spool/1.jsonl").write_text("{}\n", encoding="utf-8")
    check = spool()
    assert check[:3] == ("warning", "1 files of runs wait for MLflow", "python -m src sync")


def test_old_checkpoints_are_told_and_removed_if_asked(top: Path) -> None:
    assert checkpoints().says == "0 files, 0 MB"
    (top / ".checkpoints").mkdir()
    path = top / ".checkpoints/a.checkpoint"
    path.write_bytes(bytes(3_000_000))
    assert checkpoints() == ("ok", "1 files, 3 MB", "", None)
    before = time.time() - MONTH - 1
    os.utime(path, (before, before))
    check = checkpoints()
    assert check.state == "warning"
    assert check.says == "1 of 1 files (3 MB) are a month old"
    assert path.exists()
    assert check.fix
    check.fix()
    assert not path.exists()
    assert checkpoints().state == "ok"
