"""How any stage runs: a failure says why in one line, ends with a non-zero status and leaves nothing half-done."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from src.pipeline.files import UserError, written

ADVICE = "Fix the cause and run it again (TRACEBACK=1 shows the traceback)."
PARENT_CHECK_SECONDS = 0.5


def run(stage: str, work: Callable[[], None]) -> None:
    """Do a stage's work; where it fails, say why in one line if the user can put it right, and exit non-zero.

    Every file that the stage had written is removed then.
    """
    # Python's default rounds of garbage collection are a third of the time in which TensorFlow and MLflow load.
    gc.set_threshold(100_000, 20, 20)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _exit)
    if os.environ.get("DVC_STAGE") == stage.replace(" ", "@"):  # not what a stage has started, which may outlive it
        threading.Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    try:
        work()
        gc.freeze()  # or the end of the process would go through all that was loaded once more
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            sys.exit(130)
        notes = [f"{stage}: {note}" for note in getattr(error, "__notes__", [])]
        if isinstance(error, UserError):
            sys.exit("\n".join([f"{stage}: {error}", *notes]))
        if isinstance(error, OSError) and not os.environ.get("TRACEBACK"):
            reason, place = error.strerror or str(error).split("\n")[0], f": {error.filename}" if error.filename else ""
            removed = "The stage's output files were removed. " if written else ""
            sys.exit("\n".join([f"{stage}: {reason}{place}. {removed}{ADVICE}", *notes]))
        raise


def _exit(number: int, _: Any) -> None:
    """End the stage in order when it is told to stop: its MLflow run is closed, as FAILED."""
    sys.exit(128 + number)


def _end_with_parent(parent: int) -> None:
    """Stop this process when DVC, which started it, is no more: a second `dvc repro` would write the same files."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
