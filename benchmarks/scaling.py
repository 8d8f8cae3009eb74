"""Whole pipelines and trainings with one job and with two: `dvc repro` beside `python -m src parallel`.

Each run is in a clone of the commit with a cache of its own, at one epoch and one seed. `python -m benchmarks.scaling
demo` measures one of them.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks import kills
from src.pipeline.files import read_json, write_json, write_text
from src.training.device import setup_device, software

JOBS = (1, 2)
REPORT = Path("benchmarks/scaling.json")


class Case(NamedTuple):
    """What is run: changes of the block `fetch` of params.yaml, stages to run before, stages that are timed."""

    says: str
    fetch: dict[str, Any]
    before: list[str]
    timed: list[str]


CASES = {
    "demo": Case("all stages, 3,000 images", {"limit": 3000}, [], []),
    "digits": Case("all stages, the digits", {"source": "digits"}, [], []),
    "recipes": Case("the eight trainings, 48,000 images", {}, ["prepare"], ["train"]),
}


def lay_out(top: Path, case: Case) -> None:
    """Make the clone, up to what is timed."""
    kills.run(top.parent, "git", "clone", "--quiet", str(kills.ROOT), str(top))
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params |= {"epochs": 1, "replicas": 1}
    params["fetch"] |= case.fetch
    params["evaluate"]["latency_repeats"] = 5
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    if case.before:
        kills.run(top, "dvc", "repro", *case.before)


def measure(top: Path, jobs: int, targets: list[str]) -> dict[str, float]:
    """Wall time, and CPU time of all processes, in seconds."""
    parallel = [sys.executable, "-m", "src", "parallel", "--jobs", str(jobs)]
    command = [*(["dvc", "repro"] if jobs == 1 else parallel), *targets]
    before, start = _cpu_seconds(), time.perf_counter()
    with (top.parent / "output.txt").open("w", encoding="utf-8") as output:
        subprocess.run(command, cwd=top, env=kills.environment(), stdout=output, stderr=output, check=True)
    return {"seconds": time.perf_counter() - start, "cpu_seconds": _cpu_seconds() - before}


def _cpu_seconds() -> float:
    """Of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def markdown(cases: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """A row for each case and number of jobs; the efficiency is the speed-up for each job."""
    lines = ["| What | Jobs | Time | CPU | Times as fast | Efficiency |", "|---|---:|---:|---:|---:|---:|"]
    for name, runs in cases.items():
        for jobs, run in runs.items():
            gain = runs["1"]["seconds"] / run["seconds"]
            took = f"{run['seconds']:.0f} s | {run['cpu_seconds']:.0f} s"
            lines.append(f"| {CASES[name].says} | {jobs} | {took} | {gain:.2f} | {gain / int(jobs):.0%} |")
    return lines


def main(names: list[str]) -> None:
    """Measure -> benchmarks/scaling.json and .md; cases that are not named stay as they were."""
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    cases: dict[str, Any] = read_json(REPORT)["cases"] if REPORT.exists() else {}
    for name in names or CASES:
        runs = {}
        for jobs in JOBS:
            with tempfile.TemporaryDirectory() as folder:
                lay_out(Path(folder) / "clone", CASES[name])
                runs[str(jobs)] = measure(Path(folder) / "clone", jobs, CASES[name].timed)
            print(f"{name}, {jobs} jobs: {runs[str(jobs)]}", flush=True)
        cases[name] = runs
        write_json(REPORT, {"on": on, "cases": cases})
        heading = ["# Stages side by side", "", f"One epoch, one seed. On {on}.", ""]
        write_text(REPORT.with_suffix(".md"), "\n".join([*heading, *markdown(cases), ""]))
    print("\n".join(markdown(cases)))


if __name__ == "__main__":
    main(sys.argv[1:])
