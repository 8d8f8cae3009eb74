"""Stages on the nodes of a Ray cluster; DVC's run cache, in a remote that all nodes reach, brings their results here.

What the run cache lacks there are the files that git keeps (`cache: false`), which DVC does not push: Ray brings them.
"""

import fcntl
import logging
import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.pipeline import spool, tracking
from src.pipeline.files import UserError
from src.scheduling import dvc, node
from src.scheduling.chain import Chain
from src.scheduling.gpus import sharing_variables
from src.scheduling.graph import Graph
from src.scheduling.process import Logged, Process

RETRIES = 10  # of a stage whose node is lost
FORWARDED = ("MLFLOW_", "KERAS_BACKEND", "OMP_NUM_THREADS")  # what a node takes over of the environment here


@contextmanager
def connected(address: str, *, cpus: int, gpus: float) -> Iterator["Cluster"]:
    """A connection to a Ray cluster. cpus, gpus: that a stage takes of a node.

    Raises UserError where there is none, where DVC has no remote, or where git lacks what the nodes would run.
    """
    try:
        import ray
    except ImportError:
        raise UserError("--cluster needs Ray. Got none: pip install -r requirements-ray.txt.") from None
    bundle = _bundle()
    if not dvc.remote():
        raise UserError(
            "the nodes need a DVC remote that they all reach. Got none: dvc remote add --default store PLACE."
        )
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"--cluster must be the address of a Ray cluster. Got {address}: {error}") from None
    try:
        ray.cloudpickle.register_pickle_by_value(node)
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(node.run_stage)
        yield Cluster(task, ray.put(bundle), sharing_variables(gpus))
    finally:
        ray.shutdown()


class Cluster:
    """The stages that Ray runs, each in a clone of the commit that is checked out here."""

    def __init__(self, task: Any, bundle: Any, variables: dict[str, str]) -> None:
        """task: Ray's of `node.run_stage`. bundle: Ray's reference to the commit. variables: of its environment."""
        self.task, self.bundle, self.word = task, bundle, uuid.uuid4().hex
        forwarded = {name: value for name, value in os.environ.items() if name.startswith(FORWARDED)}
        self.variables = forwarded | variables
        Path(node.HOME).write_text(self.word, encoding="utf-8")

    def start(self, stage: str, needs: Graph) -> Chain:
        """Push what the stage needs, let a node run it, take its result here."""
        log = Path(node.FOLDER) / f"{stage}.log"
        return Chain(
            [
                lambda: Process(dvc.command("push", *sorted(needs[stage])), log.with_suffix(".push.log"), {}),
                lambda: RemoteStage(self.task.remote(self._work(stage), self.bundle), log),
                lambda: Process(
                    dvc.command("repro", "--pull", "--single-item", stage), log.with_suffix(".take.log"), {}
                ),
            ]
        )

    def _work(self, stage: str) -> node.Work:
        """What a node is told."""
        with dvc.locked():
            state = {name: Path(name).read_bytes() for name in ("dvc.lock", ".dvc/config.local") if Path(name).exists()}
        return {
            "stage": stage,
            "state": state,
            "wanted": dvc.uncached(stage),
            "top": str(Path.cwd()),
            "word": self.word,
            "variables": self.variables,
        }


class RemoteStage(Logged):
    """A stage that a node runs, or will run when one is free; Ray starts it anew where its node is lost.

    Its output is in its log while it runs, where its node sees this repository; else at its end.
    """

    def __init__(self, result: Any, log: Path) -> None:
        """result: Ray's reference to it."""
        self.result, self.log = result, log
        self.status: int | None = None
        self.started = self.ended = time.monotonic()
        self.stopped = False
        log.write_bytes(b"waits for a node\n")

    def poll(self) -> int | None:
        """The exit status; None while it waits or runs. Takes over its output, and its files into DVC's cache."""
        import ray

        if self.status is None and ray.wait([self.result], timeout=0)[0]:
            self.ended = time.monotonic()
            try:
                result: node.Result = ray.get(self.result)
            except (ray.exceptions.RayError, OSError, subprocess.SubprocessError) as error:
                self.status = 1
                self.log.write_text(f"{error}\n", encoding="utf-8")
            else:
                self.status = result["status"]
                self.log.write_bytes(result["output"])
                for content in result["files"].values():
                    dvc.keep(content)
                if result["unsent"]:
                    take_over(result["unsent"])
                    tracking.start_sender()
        return self.status

    @property
    def seconds(self) -> float:
        """Since it was given to Ray."""
        return (time.monotonic() if self.status is None else self.ended) - self.started

    def stop(self) -> None:
        """Let its node end it in order; it is told once, for the next time would break that off."""
        import ray

        if not self.stopped:
            self.stopped = True
            ray.cancel(self.result)

    def kill(self) -> None:
        """End it at once."""
        import ray

        ray.cancel(self.result, force=True)


def take_over(unsent: Mapping[str, bytes]) -> None:
    """Put what a node could not send into the spool here: files of runs, and what belongs to them, by name."""
    folder = spool.spool_folder()
    folder.mkdir(exist_ok=True)
    for name in sorted(name for name in unsent if "/" not in name):
        with (folder / name).open("wb") as run:
            fcntl.flock(run, fcntl.LOCK_EX)  # as its writer had it: a sender takes the run for unfinished meanwhile
            for other in unsent:
                if other.startswith(f"{Path(name).stem}/"):
                    (folder / other).parent.mkdir(parents=True, exist_ok=True)
                    (folder / other).write_bytes(unsent[other])
            run.write(unsent[name])


def _bundle() -> bytes:
    """The checked-out commit, as git hands it on. Raises UserError where a file differs from it."""
    results = (":!metrics", ":!dvc.lock")
    changed = _git("status", "--porcelain", "--", ".", *results).decode(errors="replace").splitlines()
    if changed:
        raise UserError(f"all that nodes run must be committed. Got changes, such as {changed[0][3:]}: commit them.")
    return _git("bundle", "create", "--quiet", "-", "HEAD")


def _git(*arguments: str) -> bytes:
    """What git prints. Raises UserError."""
    done = subprocess.run(["git", *arguments], capture_output=True)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().split("\n")[0]
        raise UserError(f"nodes clone what git has, so there must be a repository with a commit. {reason}.")
    return done.stdout
