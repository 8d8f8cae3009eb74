"""Ray on this machine, for one sweep: on loopback alone, without a dashboard, and gone when the sweep ends."""

import importlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.pipeline.files import UserError
from src.pipeline.locks import try_lock

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to Ray's makers
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux, too: all of Ray's servers listen at 127.0.0.1
    "RAY_AUTH_MODE": "token",  # other users of this machine reach 127.0.0.1, too
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # data/ is where the command was started
    "RAY_AIR_NEW_OUTPUT": "0",  # which prints boxes even when it is told to be silent
    "RAY_agent_register_timeout_ms": "120000",  # on a busy machine Ray's agents take long to load
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # files that nobody reads
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends the sweep at once
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # Tune's own state is not used: see search.py
}
OBJECT_STORE_BYTES = 100_000_000  # nothing large goes through it
TOP = Path("/tmp")  # not TMPDIR, which may be long: the path of a socket has at most 107 characters
LOCK = "lock"  # in the folder, held as long as its sweep runs
STOP_SECONDS = 20
ATTEMPTS = 3  # Ray gives up starting after 30 seconds, which a busy machine can take


@contextmanager
def local_ray(key: str, slots: int) -> Iterator[Path]:
    """Ray's processes for so many trials at once, and a folder for its files; both are gone when the block ends.

    Raises UserError where Ray or Optuna is not installed, or Ray cannot be started.
    """
    os.environ |= SETTINGS | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}  # read when Ray is imported
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("optuna").logging.set_verbosity(logging.WARNING)
    except ImportError as error:
        advice = "pip install --require-hashes -r requirements-ray.txt"
        raise UserError(f"sweeps need Ray and Optuna ({error}). Install them: {advice}") from None
    prefix = f"sweep-{key[:12]}-"
    _remove_leftovers(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=TOP))
    with try_lock(folder / LOCK):
        try:
            _start(ray, folder, slots)
            yield folder
        finally:
            _stop(ray)
            shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(prefix: str) -> None:
    """Remove the folders of sweeps that were killed; that of an equal one in another clone is locked while it runs."""
    for path in TOP.glob(f"{prefix}*/{LOCK}"):
        with try_lock(path) as nobody_runs:
            if nobody_runs:
                shutil.rmtree(path.parent, ignore_errors=True)


def _stop(ray: Any) -> None:
    """Stop Ray and wait until none of its processes is left: they would write to their folder."""
    import psutil

    processes = [child for child in psutil.Process().children(recursive=True) if _in_our_session(child.pid)]
    ray.shutdown()
    for process in psutil.wait_procs(processes, timeout=STOP_SECONDS)[1]:
        process.kill()


def _in_our_session(pid: int) -> bool:
    """Whether a process is of our session; the one that sends runs to MLflow has its own, and outlives us."""
    try:
        return os.getsid(pid) == os.getsid(0)
    except ProcessLookupError:
        return False


def _start(ray: Any, folder: Path, slots: int) -> None:
    """Start Ray. Raises UserError."""
    on_term = signal.getsignal(signal.SIGTERM)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init(
                address="local",
                num_cpus=slots,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder),
            )
        except Exception as error:  # Ray has no type for it
            _stop(ray)
            if attempt == ATTEMPTS:
                message = f"Ray must start on this machine. It did not in {ATTEMPTS} attempts"
                raise UserError(f"{message}: {' '.join(str(error).split())}") from None
        else:
            signal.signal(signal.SIGTERM, on_term)  # Ray's would print a stack trace first
            return
