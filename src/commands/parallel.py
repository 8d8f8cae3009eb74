"""Run the stages that are out of date, independent ones at the same time, as `dvc repro` would one after the other."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from src.commands._numbers import gpu_share, whole
from src.params import read_params
from src.pipeline.files import UserError, durable_write, read_json
from src.pipeline.locks import try_lock
from src.pipeline.runner import run
from src.scheduling import dvc
from src.scheduling.cluster import Cluster, connected
from src.scheduling.display import Display
from src.scheduling.driver import run_schedule
from src.scheduling.gpus import gpu_places, sharing_variables, visible_gpus
from src.scheduling.graph import before, outdated, resolve
from src.scheduling.node import FOLDER as PLACE
from src.scheduling.process import Job, Process
from src.scheduling.schedule import Schedule

FOLDER = Path(PLACE)  # the stages' outputs, and how long they took; DVC and git ignore it
PROOF = "dvc repro"  # the last step


def main(arguments: list[str]) -> None:
    """Read the options, run the stages; the exit status is 1 where one fails."""
    parser = argparse.ArgumentParser(prog="python -m src parallel", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="STAGE", help="a stage to run, with all that it needs; without one, all"
    )
    parser.add_argument(
        "--jobs", type=partial(whole, high=1000), required=True, metavar="N", help="most stages at once"
    )
    address = os.environ.get("RAY_ADDRESS")
    parser.add_argument(
        "--cluster",
        default=address,
        metavar="ADDRESS",
        help="the Ray cluster whose nodes run the stages that compute on the device (default: RAY_ADDRESS)",
    )
    parser.add_argument(
        "--gpus-per-stage",
        type=gpu_share,
        metavar="X",
        help="share of a GPU for a stage: 1 unless given, 0 on a cluster",
    )
    chosen = parser.parse_args(arguments)
    run("parallel", lambda: reproduce(chosen.targets, chosen.jobs, chosen.cluster, chosen.gpus_per_stage))


def reproduce(targets: Sequence[str], jobs: int, address: str | None, gpus_per_stage: float | None) -> None:
    """Bring the targets up to date. Raises UserError where stages fail."""
    with _alone():
        graph = dvc.read_graph()
        wanted = before(graph, resolve(graph, targets) if targets else graph)
        todo = outdated({name: graph[name] for name in graph if name in wanted}, dvc.changed_stages())
        on_device = dvc.device_stages(todo)
        share = gpus_per_stage or 1
        on_gpus = on_device and not address and read_params()["device"] != "cpu"
        gpus = gpu_places(visible_gpus(), share) if on_gpus else []
        with _cluster(address, gpus_per_stage or 0) if on_device else nullcontext() as cluster:

            def start(name: str, gpu: str | None) -> Job:
                if name == PROOF:
                    dvc.sort_lock(graph)
                    return Process(dvc.command("repro", *targets), _log(name), {})
                if cluster and name in on_device:
                    return cluster.start(name, graph)
                variables = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu, **sharing_variables(share)}
                return Process(dvc.command("repro", "--single-item", name), _log(name), variables)

            steps = {**todo, PROOF: set(todo)}
            schedule = Schedule(steps, jobs=jobs, seconds=_read_seconds(), gpus=gpus, on_gpu=on_device)
            try:
                failed = run_schedule(schedule, start, Display(len(steps)))
            finally:
                with durable_write(FOLDER / "seconds.json") as file:
                    file.write(json.dumps(schedule.seconds, indent=2).encode())
        _check(schedule, failed)


def _cluster(address: str | None, gpus: float) -> AbstractContextManager[Cluster | None]:
    """The cluster, if an address is given. Raises UserError."""
    if not address:
        return nullcontext()
    threads = read_params()["threads"]
    if threads is None:
        raise UserError("params.yaml: threads: must be a number on a cluster: so many cores a stage takes. Got null.")
    return connected(address, cpus=threads, gpus=gpus)


def _check(schedule: Schedule, failed: Sequence[str]) -> None:
    """Raises UserError, with a line for each stage that failed, unless all is up to date."""
    left_out = [name for name in schedule.unfinished if name not in failed and name != PROOF]
    lines = [f"{name} failed: {_log(name)} has its output." for name in failed]
    if left_out:
        lines.append(f"left out, for they need what failed: {', '.join(left_out)}.")
    elif not failed and dvc.UP_TO_DATE not in _log(PROOF).read_text(encoding="utf-8"):
        lines.append(f"nothing must change while stages run. `dvc repro` had something left to do: see {_log(PROOF)}.")
    if lines:
        raise UserError("\nparallel: ".join(lines))


def _log(name: str) -> Path:
    return FOLDER / f"{name}.log"


def _read_seconds() -> dict[str, float]:
    """The seconds that stages took when they ran last."""
    path = FOLDER / "seconds.json"
    seconds: dict[str, float] = read_json(path) if path.exists() else {}
    return seconds


@contextmanager
def _alone() -> Iterator[None]:
    """Raises UserError where another process runs the stages of this repository in parallel."""
    with try_lock(FOLDER / "lock") as alone:
        if not alone:
            raise UserError("one `parallel` must run here at a time. Another does: wait for it, or end it.")
        yield
