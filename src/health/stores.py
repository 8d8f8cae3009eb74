"""Where runs and trainings are kept: MLflow's store, the spool, the checkpoints."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from src.health.check import Check
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
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=TIMEOUT)) as database:
            problems = [row[0] for row in database.execute("PRAGMA quick_check(1)") if row[0] != "ok"]
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone() or (None,)
            (runs,) = database.execute("SELECT count(*) FROM runs").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return Check("warning", f"{path} is held by another program", "end it")
        return Check("broken", f"{path} is half-made ({error})", mend, lambda: path.rename(f"{path}.broken"))
    except sqlite3.DatabaseError as error:
        return Check("broken", f"{path}: {error}", mend)
    if problems:
        return Check("broken", f"{path}: {problems[0]}", mend)
    if revision != newest_revision() and not runs:
        return Check("broken", f"{path} is half-made or of an old MLflow", mend, lambda: path.rename(f"{path}.broken"))
    if revision != newest_revision():
        return Check("warning", f"{path} is of another MLflow", f"mlflow db upgrade sqlite:///{path}")
    return Check("ok", f"{path}, {runs:,} runs")


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
    return Check("warning", says, "python -m src doctor --fix removes them", lambda: _remove(old))


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
