"""MLflow's store: its database file, and what it refuses."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.pipeline.files import UserError


@contextmanager
def database_lock(uri: str) -> Iterator[None]:
    """Keep other processes from a database file meanwhile, and create it where it is missing.

    Two first connections at once would break it. Raises UserError where it cannot be written, which MLflow itself would
    try for 100 seconds.
    """
    database = re.fullmatch(r"sqlite:///(/.*)", uri)
    if not database:
        yield
        return
    file = Path(database[1])
    try:
        with file.open("ab"):
            pass
        lock = file.with_name(f"{file.name}.lock").open("w")
    except OSError as error:
        advice = "set MLFLOW_TRACKING_URI to one that is"
        raise UserError(f"MLflow's store {file} must be writable. {error.strerror}; {advice}.") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with file.open("rb") as content:
            start = content.read(16)
        if start not in (b"", b"SQLite format 3\0"):
            raise UserError(f"MLflow's store must be an SQLite database. {file} is something else.")
        if not start:
            _create(file)
        yield


def _create(file: Path) -> None:
    """Create the database under a temporary name and rename it when complete."""
    from mlflow import MlflowClient

    unfinished = file.with_name(f".unfinished.{file.name}")
    unfinished.unlink(missing_ok=True)
    MlflowClient(tracking_uri=f"sqlite:///{unfinished}").search_experiments(max_results=1)
    unfinished.replace(file)


@contextmanager
def as_user_error(uri: str) -> Iterator[None]:
    """What MLflow or its database refuses, such as a full disk or a dead server, as a UserError without passwords."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        lines = [line for line in str(error).splitlines() if not line.startswith("(raised")]
        message = f"The MLflow store {uri} could not record the run: {lines[0] if lines else error}"
        raise UserError(without_password(message)) from None


def without_password(message: str) -> str:
    """The message without the user and the password that an address may hold."""
    return re.sub(r"(?<=://)[^/\s]*@", "***@", message)
