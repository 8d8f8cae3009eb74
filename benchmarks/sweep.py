"""What Ray costs a sweep around its trials: the seconds to import, start and stop it, and its processes' memory."""

import json
import os
import sys
import time
from importlib.metadata import version
from statistics import median
from typing import Any

import psutil

from benchmarks import run_python
from src.pipeline.files import write_json, write_text
from src.sweeping.cluster import SETTINGS, local_ray
from src.training.device import setup_device

ROUNDS = 5
NAMES = {
    "import_s": ("import Ray, Ray Tune and Optuna", "{:.1f} s"),
    "start_s": ("start Ray's processes", "{:.1f} s"),
    "stop_s": ("stop them", "{:.1f} s"),
    "cpu_s": ("processor time of all that", "{:.1f} s"),
    "driver_mb": ("memory of the sweep's own process", "{:.0f} MB"),
    "ray_mb": ("memory of Ray's processes, each shared page once", "{:.0f} MB"),
}


def one_round() -> dict[str, float]:
    """Start and stop Ray once, with one slot, in this process, which has not imported it before."""
    os.environ |= SETTINGS  # which Ray reads when it is imported
    before = time.perf_counter()
    __import__("ray.tune.search.optuna")
    imported = time.perf_counter()
    with local_ray("benchmark", 1):
        started = time.perf_counter()
        ours = psutil.Process()
        processes = ours.children(recursive=True)
        memory = sum(process.memory_full_info().pss for process in processes) / 1e6
        own = ours.memory_full_info().pss / 1e6
        times = [process.cpu_times() for process in (ours, *processes)]
        stopping = time.perf_counter()
    return {
        "import_s": imported - before,
        "start_s": started - imported,
        "stop_s": time.perf_counter() - stopping,
        "cpu_s": sum(used.user + used.system for used in times),
        "driver_mb": own,
        "ray_mb": memory,
    }


def main() -> None:
    """Each round in a process of its own -> benchmarks/sweep.json and .md."""
    rounds: list[dict[str, Any]] = [
        json.loads(run_python("-m", "benchmarks.sweep", "round").splitlines()[-1]) for _ in range(ROUNDS)
    ]
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; ray {version('ray')}, optuna {version('optuna')}"
    write_json("benchmarks/sweep.json", {"on": on, "rounds": rounds})
    lines = ["| To | takes |", "|---|---:|"]
    lines += [f"| {name} | {text.format(median(run[key] for run in rounds))} |" for key, (name, text) in NAMES.items()]
    heading = ["# What Ray costs a sweep", "", f"Medians of {ROUNDS}. On {on}.", ""]
    write_text("benchmarks/sweep.md", "\n".join([*heading, *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:] == ["round"]:
        print(json.dumps(one_round()))
    else:
        main()
