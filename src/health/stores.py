"""Where runs and trainings are kept: MLflow's store, the spool, the checkpoints."""

import itertools
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from src.health.check import Check
from src.health.repository import remove
from src.pipeline.files import UserError, repository_root
from src.pipeline.spool import pending
from src.pipeline.store import PORTS, probe, store_uri, without_password
from src.training import checkpoint_folder

TIMEOUT = 3  # seconds
MONTH = 30 * 24 * 3600  # seconds


def mlflow_store() -> Check:
    """Whether MLflow's store can be reached, or its database file is whole."""
    try:
        uri = store_uri()
    except UserError as error:
        return Check("broken", str(error))
    name, kind = without_password(uri), urlsplit(uri).scheme.split("+")[0]
    mend = "start it or set MLFLOW_TRACKING_URI; trainings go on without it"
    try:
        if kind == "sqlite":
            return _database(Path(re.sub(r"\?.*", "", uri.removeprefix("sqlite:///"))))
        if kind not in PORTS:
            return Check("warning", f"{name} is of a kind that was never tried", "see docs/tracking.md")
        probe(uri, TIMEOUT)
    except (OSError, ValueError) as error:
        return Check("warning", f"{name} does not answer: {without_password(str(error))}", mend)
    return Check("ok", f"{name} answers")


def _database(path: Path) -> Check:
    """Whether MLflow's database is whole; a killed MLflow leaves one half-made, with which it never works again."""
    if not path.exists():
        return Check("ok", f"{path} is made with the first run")
    mend = f"mv {path} {path}.broken: a new one is made"
    try:
        # Not read-only: what a killed program left half-written is rolled back first, as MLflow's next call would.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=TIMEOUT)) as database:
            problems = [row[0] for row in database.execute("PRAGMA quick_check(1)") if row[0] != "ok"]
            revision = _first(database, "version_num", "alembic_version")
            runs = _first(database, "count(*)", "runs")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return Check("warning", f"{path} is held by another program", "end it")
        return Check("broken", f"{path} cannot be read ({error})", "see who owns it, and its disk")
    except sqlite3.DatabaseError as error:
        return Check("broken", f"{path}: {error}", mend)
    if problems:
        return Check("broken", f"{path}: {problems[0]}", mend)
    newest = newest_revision()
    if not runs and (runs is None or revision != newest):
        return Check("broken", f"{path} is half-made or of an old MLflow", mend, lambda: _put_aside(path))
    if revision is None:
        says = f"{path} has {runs:,} runs, but not the version of its tables, without which MLflow refuses it"
        return Check("broken", says, f"put a copy of it back, or {mend}")
    if revision != newest:
        return Check("warning", f"{path} is of another MLflow", f"mlflow db upgrade sqlite:///{path}")
    return Check("ok", f"{path}, {runs:,} runs")


def _first(database: sqlite3.Connection, value: str, table: str) -> Any:
    """The first row's value; None where the table is missing or empty."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
        return None
    row = database.execute(f"SELECT {value} FROM {table}").fetchone()
    return row[0] if row else None


def _put_aside(path: Path) -> None:
    """Give a database a name that is free; its journal goes along, or SQLite would apply it to the next database."""
    names = (f"{path}.broken{number or ''}" for number in itertools.count())
    aside = next(name for name in names if not Path(name).exists())
    for end in ("-journal", "-wal", ""):
        if Path(f"{path}{end}").exists():
            Path(f"{path}{end}").rename(f"{aside}{end}")


def newest_revision() -> str:
    """The layout of the database that the installed MLflow makes, from its files: to load it takes seconds."""
    found = find_spec("mlflow")
    folder = Path(str(found.origin if found else "")).parent / "store/db_migrations/versions"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    revisions, earlier = (
        set(re.findall(rf'^{key} = "(\w+)"', text, re.MULTILINE)) for key in ("revision", "down_revision")
    )
    return ", ".join(revisions - earlier)


def spool() -> Check:
    """Whether runs wait to be sent to MLflow."""
    waiting = len(pending())
    if not waiting:
        return Check("ok", "nothing waits for MLflow")
    command = [sys.executable, "-m", "src", "sync"]
    says = f"{waiting} files of runs wait for MLflow"
    return Check("warning", says, "python -m src sync", lambda: subprocess.run(command, cwd=repository_root()))


def checkpoints() -> Check:
    """How much the checkpoints of trainings take, and whether there are some that no training went on from for long."""
    folder = checkpoint_folder.folder()
    files = [path for path in folder.glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    old = checkpoint_folder.stale(MONTH)
    if not old:
        return Check("ok", f"{len(files)} files, {size:.0f} MB")
    says = f"{len(old)} of {len(files)} files ({size:.0f} MB) are a month old"
    return Check("warning", says, "python -m src doctor --fix removes them", lambda: remove(old))
