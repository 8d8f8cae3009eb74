"""What a node of a cluster does for a stage. It is sent there by value: it may need no more than Python's library."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TypedDict


class Work(TypedDict):
    """A stage, and what a node needs to run it.

    state: the files that make the commit the head's working tree, such as dvc.lock. wanted: names of the files to send
    back. top, word: the repository's top at the head, and what the file HOME below it says there. variables: of the
    environment.
    """

    stage: str
    state: dict[str, bytes]
    wanted: list[str]
    top: str
    word: str
    variables: dict[str, str]


class Result(TypedDict):
    """A stage's exit status, its output, and the content of the wanted files.

    unsent: the files of MLflow's spool that would be gone with the clone, by their names in it.
    """

    status: int
    output: bytes
    files: dict[str, bytes]
    unsent: dict[str, bytes]


FOLDER = ".dvc/tmp/parallel"
HOME = f"{FOLDER}/home"
NO_STORE = b"MLFLOW_TRACKING_URI must be a server's: this node does not see the repository, in which the runs would be."


def run_stage(work: Work, bundle: bytes) -> Result:
    """Run a stage in a clone of its own, which takes from DVC's remote what git has not, and push what it made.

    bundle: of git, with the commit. Where the node sees the head's repository, checkpoints, MLflow's spool and the
    output are kept there.
    """
    home, variables = Path(work["top"]), dict(work["variables"])
    shared = _reads(home / HOME) == work["word"]
    if not shared and not {**os.environ, **variables}.get("MLFLOW_TRACKING_URI"):
        return {"status": 1, "output": NO_STORE, "files": {}, "unsent": {}}
    dvc = [sys.executable, "-m", "dvc"]
    steps = [[*dvc, "repro", "--pull", "--single-item", work["stage"]], [*dvc, "push", "--run-cache", work["stage"]]]
    if shared:
        variables["DVC_ROOT"] = str(home)
    with tempfile.TemporaryDirectory(prefix="stage-") as folder:
        top, log = Path(folder, "clone"), home / FOLDER / f"{work['stage']}.log" if shared else Path(folder, "log")
        _clone(bundle, work["state"], top)
        status = 0
        with log.open("wb") as output:
            for step in steps:
                status = status or _call(step, top, output, variables)
            if not shared:  # a store that is away makes no stage fail
                _call([sys.executable, "-m", "src", "sync"], top, output, variables)
        files = {} if status else {name: (top / name).read_bytes() for name in work["wanted"]}
        return {"status": status, "output": log.read_bytes(), "files": files, "unsent": _unsent(top / ".spool")}


def _reads(path: Path) -> str | None:
    """What a file says; None where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _unsent(spool: Path) -> dict[str, bytes]:
    """The files of the runs that wait in a spool, and what belongs to them, by their names in it."""
    paths = [path for run in spool.glob("*-*.jsonl") for path in (run, *run.with_suffix("").rglob("*"))]
    return {path.relative_to(spool).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _clone(bundle: bytes, state: Mapping[str, bytes], top: Path) -> None:
    """Make the head's working tree."""
    path = top.with_name("bundle")
    path.write_bytes(bundle)
    subprocess.run(["git", "clone", "--quiet", str(path), str(top)], check=True)
    for name, content in state.items():
        (top / name).write_bytes(content)


def _call(command: Sequence[str], top: Path, output: BinaryIO, variables: Mapping[str, str]) -> int:
    """The exit status of a command; when this task is cancelled it ends first, in order."""
    with_parent = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []  # see process.py
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for the `python` of dvc.yaml
    own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # Ray's own, not a user's
    process = subprocess.Popen(
        [*with_parent, *command],
        cwd=top,
        env={**own, **variables, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    try:
        while process.poll() is None:  # Ray's cancellation comes between two steps of Python
            time.sleep(0.1)
        return process.returncode
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
