"""The spool: what MLflow is to be told, a file of JSON lines for each run that a process writes to.

A stage writes here and never waits for a store; the sender (src/pipeline/sender.py) reads. A file is locked as long as
its writer lives: the kernel frees the lock of a killed one.
"""

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from src.pipeline.files import repository_root
from src.pipeline.locks import try_lock

Event = dict[str, Any]
TROUBLE = "trouble.txt"  # in the spool's folder: why the last attempt to send failed


def spool_folder() -> Path:
    """Where the spool lies: at the top, for stages in temporary copies too."""
    return repository_root() / ".spool"


def pending() -> list[Path]:
    """The files that are not sent yet, the oldest first: a run's later file stands behind its earlier one.

    An empty one is not locked yet.
    """
    return sorted(path for path in spool_folder().glob("*.jsonl") if _size(path))


def _size(path: Path) -> int:
    """The bytes of a file; 0 where the sender has just removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class Writer:
    """Writes the events of one run to a new file. What cannot be written is told once a process and fails nothing."""

    told = False

    def __init__(self, run_id: str, header: Event) -> None:
        self.path = spool_folder() / f"{time.time_ns():020d}-{run_id}.jsonl"
        self.header, self.n_attached = header, 0
        self.file: IO[bytes] | None = None
        self.append()

    def append(self, *events: Event) -> None:
        """Add events, which are on the disk afterwards."""
        with self._failures_told():
            if self.file is None:
                self.path.parent.mkdir(exist_ok=True)
                self.file = self.path.open("xb", buffering=0)
                fcntl.flock(self.file, fcntl.LOCK_EX)
            if not self.file.tell():
                events = (self.header, *events)
            self._write(self.file, "".join(json.dumps(event) + "\n" for event in events).encode())

    def _write(self, file: IO[bytes], lines: bytes) -> None:
        """Write whole lines or none: half a line, as on a full disk, is cut off again."""
        end = file.tell()
        try:
            if file.write(lines) != len(lines):
                raise OSError("the disk is full")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            file.seek(end)
            raise

    def attach(self, path: str | Path, event: Event) -> None:
        """Copy a file into the spool, for DVC may replace it any time, and add an event that names the copy."""
        copy = attachments(self.path) / str(self.n_attached) / Path(path).name
        self.n_attached += 1  # whatever becomes of this one: the next has a folder of its own
        with self._failures_told():
            copy.parent.mkdir(parents=True)
            with copy.open("wb") as target, Path(path).open("rb") as source:
                shutil.copyfileobj(source, target)
                os.fsync(target.fileno())
            self.append(event | {"file": str(copy.relative_to(attachments(self.path)))})

    def close(self) -> None:
        """Give up the lock: the writer is done."""
        if self.file is not None:
            if not self.file.tell():
                remove(self.path)
            self.file.close()

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        """Say in a line, once, that runs are not recorded in full; the stage goes on."""
        try:
            yield
        except OSError as error:
            if not Writer.told:
                reason = error.strerror or error
                place = error.filename or spool_folder()
                print(f"MLflow will lack a part of this stage's runs: {place}: {reason}.", file=sys.stderr)
            Writer.told = True


def attachments(path: Path) -> Path:
    """The folder of the files that belong to a file of events."""
    return path.with_suffix("")


def alive(path: Path) -> bool:
    """Whether the writer of a file still runs."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:  # the sender has just removed it
        return False
    except BlockingIOError:
        return True
    return False


def read_events(path: Path, start: int) -> tuple[list[Event], int]:
    """The events from a byte on, and the byte behind the last of them; half a line is left for later."""
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read().rpartition(b"\n")[0]
    return [json.loads(line) for line in lines.splitlines()], start + len(lines) + bool(lines)


def run_of(path: Path) -> str:
    """Our id of the run that a file belongs to."""
    return path.stem.partition("-")[2]


def header(path: Path) -> Event:
    """The first event of a file."""
    with path.open("rb") as file:
        event: Event = json.loads(file.readline())
    return event


def remove(path: Path) -> None:
    """Remove a file that is sent, and what belongs to it."""
    path.unlink()
    shutil.rmtree(attachments(path), ignore_errors=True)


def remove_leftovers() -> None:
    """Remove what belongs to no file any more: `remove` was killed in between."""
    for folder in spool_folder().glob("*-*"):
        if folder.is_dir() and not folder.with_suffix(".jsonl").exists():
            shutil.rmtree(folder, ignore_errors=True)


def trouble() -> str:
    """Why the last attempt to send failed; empty where it did not."""
    file = spool_folder() / TROUBLE
    return file.read_text(encoding="utf-8") if file.exists() else ""


def set_trouble(reason: str) -> None:
    """Keep why sending failed, in one line without passwords; empty where it did not."""
    file = spool_folder() / TROUBLE
    with suppress(OSError):  # on a full disk nobody is told why
        if reason:
            file.write_text(reason, encoding="utf-8")
        else:
            file.unlink(missing_ok=True)


@contextmanager
def sender_lock() -> Iterator[bool]:
    """Whether this process may send: it is the only one that does until the block ends."""
    with try_lock(spool_folder() / "sender.lock") as alone:
        yield alone
