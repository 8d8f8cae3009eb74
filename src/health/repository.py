"""Git, and what unfinished work has left behind."""

import shutil
import subprocess
import time
from pathlib import Path

from src.health.check import Check
from src.pipeline.files import repository_root

AGE = 60  # seconds: longer than a file takes to be written
FOLDERS = ("data", "models", "metrics", ".checkpoints", ".spool", ".sweeps", ".inference", ".dvc/tmp/parallel")


def git() -> Check:
    """Whether git is there, takes this folder for a repository, and knows who commits: experiments are commits."""
    top = repository_root()
    if shutil.which("git") is None:
        return Check("warning", "not installed: runs lack their commit, and experiments need it", "apt install git")
    inside = run_git("rev-parse", "--show-toplevel")
    if "dubious ownership" in inside.stderr:
        mend = f"git config --global --add safe.directory '{top}'"
        return Check("broken", "refuses the repository, which belongs to another user", mend)
    if inside.returncode or Path(inside.stdout.strip()).resolve() != top.resolve():
        mend = "clone with git, or `dvc config core.no_scm true` to do without commits and experiments"
        return Check("warning" if _without_scm() else "broken", f"{top} is no repository of its own", mend)
    if run_git("var", "GIT_COMMITTER_IDENT").returncode:
        mend = "git config --global user.name NAME, and user.email ADDRESS"
        return Check("warning", "does not know who you are: `dvc exp run` fails, `dvc repro` does not", mend)
    return Check("ok", run_git("--version").stdout.strip().removeprefix("git version "))


def run_git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What git says in the repository; its exit status is 127, as in a shell, where git is not installed."""
    command = ["git", "-C", str(repository_root()), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _without_scm() -> bool:
    """Whether DVC is told to do without git."""
    configs = [repository_root() / ".dvc" / name for name in ("config", "config.local")]
    return any("no_scm = true" in path.read_text(encoding="utf-8").lower() for path in configs if path.exists())


def unfinished() -> Check:
    """Whether killed processes left half-written files."""
    top = repository_root()
    found = [*top.glob(".unfinished.*")]
    found += [path for folder in FOLDERS for path in (top / folder).rglob(".unfinished.*")]
    old = [path for path in found if path.is_file() and time.time() - path.stat().st_mtime > AGE]
    if not old:
        return Check("ok", "none")
    names = ", ".join(str(path.relative_to(top)) for path in old[:3]) + (", ..." if len(old) > 3 else "")
    return Check("warning", f"{len(old)} left by killed processes: {names}", "remove them", lambda: remove(old))


def remove(paths: list[Path]) -> None:
    """Remove files, those that are gone already too."""
    for path in paths:
        path.unlink(missing_ok=True)
