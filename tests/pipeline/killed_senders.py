"""Senders that are killed at the n-th step of a delivery, for every n, and those that go on after them.

`python -m tests.pipeline.killed_senders FOLDER STORE` imports MLflow once and forks a process for each. A step is a
write to the store's database, a copy of an artifact, of which half is left, or a removal from the spool.
"""

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  # here, or each process would load it
from sqlalchemy import event
from sqlalchemy.orm import Session

from src.pipeline import sender, spool, tracking
from tests.pipeline.stores import check_training, write_training

FILES = ("os.remove", "shutil.copyfile", "shutil.rmtree")  # names of Python's audit events, which come before the deed


def send_in(top: Path, run_id: str, send: Callable[[], object], kill_at: int | None = None) -> tuple[int, int]:
    """Send what waits in a process of its own, and look at what the store has. Gives its status and its steps."""
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, len((top / "steps").read_bytes())
    os.chdir(top)
    os.environ["DVC_ROOT"] = str(top)
    with (top / "steps").open("wb", buffering=0) as steps:

        def step(name: str, arguments: tuple[Any, ...]) -> None:
            steps.write(b".")
            if steps.tell() == kill_at:
                if name == "shutil.copyfile":
                    source, target = map(Path, arguments)
                    target.write_bytes(source.read_bytes()[:-1])
                os.kill(os.getpid(), signal.SIGKILL)

        def audit(name: str, arguments: tuple[Any, ...]) -> None:
            if name in FILES and any(str(argument).startswith(f"{top}/") for argument in arguments):
                step(name, arguments)

        event.listen(Session, "after_flush", lambda *_: step("flush", ()))
        sys.addaudithook(audit)
        try:
            send()
            check_training(f"sqlite:///{top}/mlflow.db", run_id)
            assert [path.name for path in spool.spool_folder().iterdir()] == ["sender.lock"]  # noqa: S101
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


def main(top: Path, store: Path) -> None:
    """Print the status of the whole delivery, and of each that was killed and the one after it, as JSON."""
    tracking.start_sender = lambda: None
    written = top / "written"
    written.mkdir()
    os.chdir(written)
    os.environ["DVC_ROOT"] = str(written)
    shutil.copy(store, written / "mlflow.db")
    run_id = write_training()
    statuses = []
    whole, n_steps = send_in(Path(shutil.copytree(written, top / "whole")), run_id, sender.follow)
    for number in range(1, n_steps + 1):
        folder = Path(shutil.copytree(written, top / str(number)))
        killed, _ = send_in(folder, run_id, sender.follow, kill_at=number)
        statuses.append([killed, send_in(folder, run_id, sender.send_by_hand)[0]])
    print(json.dumps({"whole": whole, "killed": statuses}), flush=True)
    os._exit(0)  # without a second's wait for a sender


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
