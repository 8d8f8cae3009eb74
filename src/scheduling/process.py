"""A stage's process: DVC in a process group of its own, its output in a file."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

# The kernel ends DVC, and so DVC's stage, when the process that started it is killed; macOS has no such thing.
WITH_PARENT = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
BUSY = ("Unable to acquire lock", "is busy, it is being blocked by")  # DVC waits three seconds for its inner lock
TAIL_BYTES = 10_000


class Job(Protocol):
    """A stage that was started."""

    @property
    def seconds(self) -> float:
        """Since the start."""

    @property
    def ran(self) -> bool:
        """Whether DVC ran the stage's command; if not, nothing had changed or its cache had the result."""

    def poll(self) -> int | None:
        """The exit status; None while it runs."""

    def tail(self, n_lines: int) -> list[str]:
        """The last lines of its output."""

    def stop(self) -> None:
        """Tell it to end in order."""

    def kill(self) -> None:
        """End it at once."""


class Logged:
    """What a job's output says; `log` is its file."""

    log: Path

    @property
    def ran(self) -> bool:
        """Whether DVC ran the stage's command."""
        return b"Running stage" in self.log.read_bytes()

    def tail(self, n_lines: int) -> list[str]:
        """The last lines of the output."""
        return tail(self.log, n_lines)


class Process(Logged):
    """A command that was started; it is started once more where another process holds DVC's lock."""

    def __init__(self, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> None:
        """log: the file of its output, written anew. variables: of the environment, beside those of this process."""
        self.command, self.log, self.environment = command, log, {**os.environ, **variables}
        self.started, self.tries = time.monotonic(), 0
        self._start()

    def _start(self) -> None:
        self.tries += 1
        self.told: set[int] = set()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*WITH_PARENT, *self.command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # Ctrl-C is not for it
            )

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        status = self.process.poll()
        if status and self.tries == 1 and not self.told and any(text in "\n".join(self.tail(20)) for text in BUSY):
            self._start()
            return None
        return status

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def stop(self) -> None:
        """Tell what DVC has started to end, each process once; DVC itself, which may be writing dvc.lock, follows."""
        import psutil

        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for child in children:
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if child.pid not in self.told and os.getpgid(child.pid) == self.process.pid:  # not MLflow's sender
                    self.told.add(child.pid)
                    child.terminate()

    def kill(self) -> None:
        """End the whole group at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def tail(log: Path, n_lines: int) -> list[str]:
    """The last lines of a file that are not empty; of a line that was overwritten, its last state."""
    with log.open("rb") as output:
        output.seek(max(0, log.stat().st_size - TAIL_BYTES))
        text = output.read().decode(errors="replace")
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in lines if line][-n_lines:]
