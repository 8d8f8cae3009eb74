"""What the checkpoint after each epoch costs, for every recipe: its time and size beside the epoch's.

An epoch's time is that of its steps, measured on the first of them; validation would make the share smaller.
"""

import json
import math
import os
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks import run_python
from src.images.splits import Labelled
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.training import checkpoint
from src.training.checkpoint import Record
from src.training.checkpoint_folder import reserved
from src.training.device import setup_device, software

STEPS, WARM, WRITES = 20, 3, 9


def measure(name: str) -> dict[str, float]:
    """Take some steps of a recipe on the real data and write its checkpoint: seconds of both, size in MB."""
    from src.training.recipe import train

    setup_device(seed=0, device="cpu", threads=None)
    recipe = {key: value for key, value in read_params()["models"][name].items() if key not in ("epochs", "replicas")}
    data, few = np.load("data/train.npz"), recipe["batch_size"]
    x, y, times, networks = data["x"][: few * STEPS], data["y"][: few * STEPS], [time.perf_counter()], []

    def on_start(network: Any) -> int:
        networks.append(network)
        return 1

    on_steps = lambda steps: times.append(time.perf_counter())  # noqa: E731
    sets = Labelled(x, y), Labelled(x[:few], y[:few])
    train(*sets, int(y.max()) + 1, 0, on_start, on_steps, lambda *_: None, epochs=1, **recipe)
    step = median(np.diff(times)[WARM:])
    writes = []
    with reserved("0" * 64) as path:
        if path is None:
            raise RuntimeError("another benchmark writes this file")
        for _ in range(WRITES):
            start = time.perf_counter()
            checkpoint.write(path, Record(), checkpoint.state(networks[0], finished=False))
            writes.append(time.perf_counter() - start)
        size = path.stat().st_size
        path.unlink()
        path.with_suffix(".lock").unlink()
    n_steps = math.ceil(len(data["y"]) / few)
    return {"epoch_s": n_steps * step, "write_s": median(writes), "slowest_s": max(writes), "mb": size / 1e6}


def markdown(models: dict[str, dict[str, float]]) -> list[str]:
    """A table with a row for each recipe."""
    lines = ["| Model | Epoch | Checkpoint | Slowest | Size | Share of the epoch |", "|---|---:|---:|---:|---:|---:|"]
    for name, run in models.items():
        cost = f"{run['write_s']:.3f} s | {run['slowest_s']:.3f} s | {run['mb']:.1f} MB"
        lines.append(f"| {name} | {run['epoch_s']:.1f} s | {cost} | {run['write_s'] / run['epoch_s']:.2%} |")
    return lines


def main() -> None:
    """Measure all recipes, each in a process of its own -> benchmarks/checkpoints.json and .md."""
    models: dict[str, dict[str, float]] = {}
    for name in read_params()["models"]:
        models[name] = json.loads(run_python("-m", "benchmarks.checkpoints", name).splitlines()[-1])
        print(f"{name}: {models[name]['write_s']:.3f} s", flush=True)
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    write_json("benchmarks/checkpoints.json", {"on": on, "models": models})
    heading = [
        "# A checkpoint after each epoch",
        "",
        f"Medians of {WRITES} writes, on the disk at the end. On {on}.",
        "",
    ]
    write_text("benchmarks/checkpoints.md", "\n".join([*heading, *markdown(models), ""]))
    print("\n".join(markdown(models)))


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
