"""MLflow's store: where it is, its database file, and what it refuses. Of the stages only `register` comes here."""

import fcntl
import os
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from src.pipeline.files import UserError, repository_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "mystery-fashion"
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # the sender tries again itself, and knows what was taken already
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; MLflow's own are 120
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # the address may hold a password
}
PLACES = {  # where MLflow keeps the absolute address of an artifact
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
LOCK_SECONDS = 60  # for another process to make the database, or to register a model
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def store_uri() -> str:
    """The address of the store. Raises UserError where it is one that would lose runs."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    advice = "set MLFLOW_TRACKING_URI to another place, such as sqlite:////home/me/mlflow.db"
    if re.fullmatch(r"sqlite:/{0,3}(:memory:.*)?", uri):
        raise UserError(f"MLflow's store must be a file or a server. {uri} forgets all runs at once; {advice}.")
    if relative := re.fullmatch(r"sqlite:///([^/].*)", uri):  # anchored, or a temporary copy's runs are deleted with it
        root = str(repository_root())
        uri = f"sqlite:///{root}/{relative[1]}"
        if "?" in root or ("'" in root and '"' in root):
            must = "MLflow's database must have a path without `?` and without both kinds of quotes"
            raise UserError(f"{must}. Got {root}; {advice}, or move the repository.")
    return uri


def connect() -> tuple["MlflowClient", str]:
    """A client of the store and the experiment's id. Raises UserError where the store cannot be used."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    uri = store_uri()
    with as_user_error(uri):
        probe(uri, float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]))
        from mlflow import MlflowClient

        with database_lock(uri):
            client = MlflowClient(tracking_uri=uri)
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment:
                if experiment.lifecycle_stage == "deleted":
                    client.restore_experiment(experiment.experiment_id)
                return client, experiment.experiment_id
            # for a server the place is its own, and not below this machine's folders
            place = None if uri.startswith("http") else (repository_root() / "mlartifacts").as_uri()
            return client, client.create_experiment(EXPERIMENT, artifact_location=place)


def probe(uri: str, seconds: float) -> None:
    """Raise OSError where the store is a server that does not answer within so many seconds: MLflow itself takes 100.

    A web server answers if it is not at fault itself: one may refuse who asks, another has no page /health.
    """
    parts = urlsplit(uri)
    kind = parts.scheme.split("+")[0]
    if kind in ("http", "https"):
        import requests

        with requests.get(f"{uri.rstrip('/')}/health", timeout=seconds, stream=True) as answer:
            if answer.status_code >= 500:
                raise OSError(f"it answers {answer.status_code}")
    elif kind in PORTS and parts.hostname:
        socket.create_connection((parts.hostname, parts.port or PORTS[kind]), seconds).close()


@contextmanager
def database_lock(uri: str) -> Iterator[None]:
    """Keep other processes from a database file meanwhile, and create it where it is missing.

    Two first connections at once would break it. Raises UserError where it cannot be written, which MLflow itself would
    try for 100 seconds, and where another process does not let go of it.
    """
    database = re.fullmatch(r"sqlite:///(/[^?]*)(\?.*)?", uri)
    if not database:
        yield
        return
    file = Path(database[1])
    try:
        if not file.is_file() and file.exists():
            raise OSError(0, "It is no file")
        with file.open("ab"):
            pass
        lock = file.with_name(f"{file.name}.lock").open("w")
    except OSError as error:
        advice = "set MLFLOW_TRACKING_URI to one that is"
        raise UserError(f"MLflow's store {file} must be writable. {error.strerror}; {advice}.") from None
    with lock:
        wait_for(lock)
        with file.open("rb") as content:
            start = content.read(16)
        if start not in (b"", b"SQLite format 3\0"):
            raise UserError(f"MLflow's store must be an SQLite database. {file} is something else.")
        if not start:
            _create(file)
        elif file.parent == repository_root():
            _follow_a_move(file)
        yield


def wait_for(lock: IO[str]) -> None:
    """Lock an open file as soon as another process lets go of it. Raises UserError after LOCK_SECONDS."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise UserError(f"Another process must end first. It holds {lock.name}.") from None
            time.sleep(0.1)


def _create(file: Path) -> None:
    """Create the database under a temporary name and rename it when complete."""
    from mlflow import MlflowClient

    unfinished = file.with_name(f".unfinished.{file.name}")
    unfinished.unlink(missing_ok=True)
    MlflowClient(tracking_uri=f"sqlite:///{unfinished}").search_experiments(max_results=1)
    unfinished.replace(file)


def _follow_a_move(file: Path) -> None:
    """Where the repository was moved or copied, lead the addresses of its artifacts to the folder beside the database.

    MLflow keeps them whole: it would go on writing to where the repository was.
    """
    here = (file.parent / "mlartifacts").as_uri()
    with closing(sqlite3.connect(file)) as database, database:
        row = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", [EXPERIMENT]).fetchone()
        if not row or row[0] == here or not row[0].startswith("file:") or not row[0].endswith("/mlartifacts"):
            return
        for table, column in PLACES.items():
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                [here, len(row[0]) + 1, len(row[0]) + 1, f"{row[0]}/"],
            )
        database.execute("UPDATE experiments SET artifact_location = ? WHERE name = ?", [here, EXPERIMENT])


@contextmanager
def as_user_error(uri: str) -> Iterator[None]:
    """What MLflow, its database or the system refuses, such as a dead server, as a UserError without passwords."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        lines = [line for line in str(error).splitlines() if not line.startswith("(raised")] or [repr(error)]
        message = f"The MLflow store {uri} could not record the run: {lines[0]}"
        raise UserError(without_password(message)) from None


def without_password(message: str) -> str:
    """The message without the user and the password that an address may hold."""
    return re.sub(r"(?<=://)[^/\s]*@", "***@", message)
