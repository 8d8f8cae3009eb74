import fcntl
import sqlite3
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from src.pipeline.files import UserError
from src.pipeline.store import as_user_error, database_lock, without_password


def test_a_database_that_is_missing_is_created_whole_and_locked(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with database_lock(f"sqlite:///{file}"):
        tables = sqlite3.connect(file).execute("SELECT name FROM sqlite_master").fetchall()
        assert ("experiments",) in tables
        with (tmp_path / "mlflow.db.lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


def test_a_server_needs_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with database_lock("http://127.0.0.1:5000"):
        assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"buy milk and bread")
    with pytest.raises(UserError, match="must be an SQLite database"), database_lock(f"sqlite:///{file}"):
        pytest.fail("no store")
    assert file.read_bytes() == b"buy milk and bread"


def test_what_mlflow_refuses_is_told_in_a_line_without_the_password() -> None:
    uri = "http://bob:SECRET@host"
    with pytest.raises(UserError) as error, as_user_error(uri):
        raise MlflowException(f"(raised by a library)\n{uri} is away\nmore")
    assert str(error.value) == "The MLflow store http://***@host could not record the run: http://***@host is away"


def test_an_address_without_a_password_stays_as_it_is() -> None:
    assert without_password("http://host/a@b and sqlite:////x.db") == "http://host/a@b and sqlite:////x.db"
