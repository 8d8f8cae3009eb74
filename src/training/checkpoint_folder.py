"""Where checkpoints are: one file per training, named by its key, at the top of the repository and outside DVC.

A checkpoint is kept until dvc.lock has recorded the training, so that what DVC has not taken over is never lost.
"""

import fcntl
import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from src.pipeline.files import durable_write, repository_root


def folder() -> Path:
    """The checkpoints of this repository; DVC's temporary copies of it share them."""
    return repository_root() / ".checkpoints"


@contextmanager
def reserved(key: str) -> Iterator[Path | None]:
    """The path of a training's checkpoint, for this process alone meanwhile; None where another process has it."""
    path = folder() / f"{key}.checkpoint"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # or a file system without locks
            yield None
        else:
            yield path


def mark_done(report: str, keys: Sequence[str]) -> None:
    """Note that the trainings of a report, data/runs/MODEL.json, are finished; DVC is yet to record them."""
    md5 = hashlib.md5(Path(report).read_bytes(), usedforsecurity=False).hexdigest()  # as in dvc.lock
    with durable_write(folder() / f"{md5}.done") as file:
        file.write("\n".join(keys).encode())


def remove_recorded() -> None:
    """Remove the checkpoints of the trainings that dvc.lock has recorded since."""
    lock = Path("dvc.lock")
    recorded = lock.read_bytes() if lock.exists() else b""
    for done in folder().glob("*.done"):
        if done.stem.encode() in recorded:
            for key in done.read_text(encoding="utf-8").split():
                remove(key)
            done.unlink(missing_ok=True)


def stale(seconds: float) -> list[Path]:
    """The files of trainings that no process is in and that were last written to so long ago: they may be removed.

    Of a training that was interrupted and never taken up again, or that dvc.lock never recorded.
    """
    now = time.time()
    return [
        path
        for path in sorted(folder().iterdir() if folder().is_dir() else [])
        if now - path.stat().st_mtime > seconds and _is_free(path.name.removeprefix(".unfinished.").split(".")[0])
    ]


def _is_free(key: str) -> bool:
    """Whether no process is in the training."""
    if not (folder() / f"{key}.lock").exists():
        return True
    with reserved(key) as path:
        return path is not None


def remove(key: str) -> None:
    """Remove a training's files, unless a process is in it."""
    with reserved(key) as path:
        if path:
            for file in (path, path.with_name(f".unfinished.{path.name}"), path.with_suffix(".lock")):
                file.unlink(missing_ok=True)
