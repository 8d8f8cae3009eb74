"""DVC's own files, which a killed DVC can leave broken, and the data that they vouch for."""

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.health.check import Check
from src.health.repository import run_git
from src.pipeline.files import repository_root


def lock_file() -> Check:
    """Whether DVC can read dvc.lock, which it writes in place: a kill at that moment leaves it cut."""
    top = repository_root()
    if not (top / "dvc.lock").exists():
        return Check("ok", "not there yet: the first `dvc repro` writes it")
    _, complaint = _data_status()
    if "dvc.lock" not in complaint:
        return Check("ok", "whole")
    in_git = run_git("cat-file", "-e", "HEAD:./dvc.lock").returncode == 0
    mend = f"{'git checkout dvc.lock' if in_git else 'rm dvc.lock'}, then dvc repro: the run cache has what was made"
    return Check("broken", f"cut or damaged ({complaint})", mend, lambda: _restore_lock(in_git))


def _restore_lock(in_git: bool) -> None:
    """Take the committed dvc.lock, or none; the broken one is kept as .dvc/tmp/dvc.lock.broken."""
    top = repository_root()
    (top / ".dvc/tmp").mkdir(exist_ok=True)
    shutil.move(top / "dvc.lock", top / ".dvc/tmp/dvc.lock.broken")
    if in_git:
        run_git("checkout", "HEAD", "--", "dvc.lock")


def data() -> Check:
    """Whether the data, models and predictions are those of dvc.lock, by their sums."""
    changes, complaint = _data_status()
    if complaint:
        return Check("broken", f"DVC cannot tell: {complaint}", "see dvc.lock and git here")
    here = changes.get("uncommitted", {})
    missing, modified = here.get("deleted", []), here.get("modified", [])
    lost = [path for path in changes.get("not_in_cache", []) if path not in missing]
    kinds = {
        f"{len(modified)} differ from dvc.lock": (modified, "dvc repro, or dvc checkout for those of dvc.lock"),
        f"{len(missing)} are missing": (missing, "dvc pull, dvc checkout or dvc repro"),
        f"{len(lost)} are not in the cache": (lost, "dvc commit, while they are there"),
    }
    wrong = {f"{what}, such as {paths[0]}": mend for what, (paths, mend) in kinds.items() if paths}
    if wrong:
        return Check("warning", "; ".join(wrong), "; ".join(wrong.values()))
    return Check("ok", "as in dvc.lock")


def _data_status() -> tuple[dict[str, Any], str]:
    """What DVC says of its outputs, and the line in which it fails."""
    command = [sys.executable, "-m", "dvc", "data", "status", "--json"]
    done = subprocess.run(command, cwd=repository_root(), capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return {}, " ".join(lines[:2]).removeprefix("ERROR: ") or f"exit status {done.returncode}"
    return json.loads(done.stdout or "{}"), ""


def running() -> Check:
    """Whether .dvc/tmp/rwlock, which says who works on what, names only processes that live."""
    path = repository_root() / ".dvc/tmp/rwlock"
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
        holders = [
            *lock.get("write", {}).values(),
            *(info for infos in lock.get("read", {}).values() for info in infos),
        ]
        dead = [info for info in holders if not is_alive(info["pid"], info["cmd"])]
    except FileNotFoundError:
        return Check("ok", "no DVC is at work")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Check("broken", f"{path} is no JSON of DVC's: every call fails", f"rm {path}", lambda: _edit(path, None))
    if dead:
        pids = ", ".join(sorted({str(info["pid"]) for info in dead}))
        says = f"{path} names processes that are gone ({pids}): what they worked on seems busy"
        return Check("broken", says, f"rm {path}, if no DVC is at work", lambda: _edit(path, _without_dead))
    return Check("ok", f"{len(holders)} files in use" if holders else "no DVC is at work")


def is_alive(pid: int, command: str) -> bool:
    """Whether the process is the one that ran the command, `sys.argv` in one string: numbers are given out again."""
    import psutil

    try:
        line = " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    program, _, arguments = command.partition(" ")
    as_module = f"-m {Path(program).parent.name} {arguments}".rstrip()  # python -m dvc: the program is dvc/__main__.py
    return bool(line) and (line.endswith(command) or line.endswith(as_module))


def _without_dead(lock: dict[str, Any]) -> dict[str, Any]:
    """The lock without the processes that are gone."""
    write = {path: info for path, info in lock.get("write", {}).items() if is_alive(info["pid"], info["cmd"])}
    read = {
        path: [info for info in infos if is_alive(info["pid"], info["cmd"])]
        for path, infos in lock.get("read", {}).items()
    }
    return {"write": write, "read": {path: infos for path, infos in read.items() if infos}}


def _edit(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]] | None) -> None:
    """Change the lock's file, or remove it, while no DVC has it open: DVC guards it by the lock of another file."""
    with path.with_name("rwlock.lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if change is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
