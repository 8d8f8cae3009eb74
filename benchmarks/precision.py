"""Whether bfloat16 is as accurate as float32: the small models trained in both, from the same seeds.

Every training is a process of its own with one thread; those of an earlier run on the same device are taken over.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import run_python
from src.comparison.scores import accuracy
from src.comparison.statistics import t_interval
from src.images import splits
from src.params import read_params
from src.pipeline.files import read_json, write_json, write_text
from src.train import resolve_recipe, train
from src.training.device import setup_device, software
from src.training.precision import POLICIES, set_precision
from src.training.predictor import predictor

MODELS = ("cm4", "cnn3", "cnn4", "cnn2")
N_SEEDS = 5
JOBS = 2
MARGIN = 0.5  # points of test accuracy
ALPHA = 0.05  # of each of the two one-sided tests
RESULT = Path("benchmarks/precision.json")


def one_run(model: str, precision: str, seed: int) -> dict[str, Any]:
    """A model trained from a seed and tested: its test accuracy in percent, and seconds."""
    params = read_params()
    set_precision(precision, "")  # type: ignore[arg-type] # from the command line
    recipe = resolve_recipe(params["models"][model], params)
    del recipe["replicas"]
    start, test = time.perf_counter(), splits.read("test")
    sets = splits.read("train"), splits.read("val")
    hooks: Any = (lambda network: 1, lambda steps: None, lambda epoch, logs: None)
    network = train(*sets, len(splits.class_names()), seed, *hooks, **recipe)
    predicted = predictor(network, batch_size=recipe["batch_size"])(test.x).argmax(axis=1)
    seconds = round(time.perf_counter() - start, 1)
    known = {"model": model, "precision": precision, "seed": seed}
    return known | {"test_accuracy": 100 * accuracy(predicted, test.y), "seconds": seconds}


def summarise(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each model the mean accuracies, and the mean difference of bfloat16 with its interval, in points.

    The precisions are equivalent if the interval at 1 - 2 ALPHA, over the seeds' differences, is within the margin: two
    one-sided t tests (Schuirmann 1987).
    """
    summary = {}
    for model in dict.fromkeys(run["model"] for run in runs):
        by_seed = {
            precision: {run["seed"]: run["test_accuracy"] for run in runs if key(run)[:2] == (model, precision)}
            for precision in POLICIES
        }
        differences = [by_seed["bfloat16"][seed] - value for seed, value in by_seed["float32"].items()]
        low, high = t_interval(differences, 1 - 2 * ALPHA)
        summary[model] = {precision: mean(values.values()) for precision, values in by_seed.items()} | {
            "difference": mean(differences),
            "low": low,
            "high": high,
            "equivalent": max(-low, high) < MARGIN,
        }
    return summary


def markdown(summary: dict[str, dict[str, Any]]) -> list[str]:
    """A row for each model."""
    lines = [
        f"| Model | float32 | bfloat16 | Difference, points ({1 - 2 * ALPHA:.0%} CI) | Within {MARGIN} points |",
        "|---|---:|---:|---:|---|",
    ]
    for model, row in summary.items():
        difference = f"{row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        verdict = "yes" if row["equivalent"] else "not shown"
        lines.append(f"| {model} | {row['float32']:.2f}% | {row['bfloat16']:.2f}% | {difference} | {verdict} |")
    return lines


def key(run: dict[str, Any]) -> tuple[str, str, int]:
    """Which training it is."""
    return run["model"], run["precision"], run["seed"]


def save(on: str, runs: Sequence[dict[str, Any]]) -> None:
    """Write the runs, and the summary of the models that are trained from all seeds in both precisions."""
    n_runs = Counter(run["model"] for run in runs)
    summary = summarise([run for run in runs if n_runs[run["model"]] == N_SEEDS * len(POLICIES)])
    write_json(RESULT, {"on": on, "summary": summary, "runs": runs})
    heading = ["# Accuracy by precision", "", f"Means of {N_SEEDS} seeds, trained in both precisions. On {on}.", ""]
    write_text("benchmarks/precision.md", "\n".join([*heading, *markdown(summary), ""]))


def main() -> None:
    """Train what is missing -> benchmarks/precision.json and .md."""
    first = read_params()["seed"]
    on = f"{setup_device(seed=0, device='cpu', threads=1)}; {software()}"
    known = read_json(RESULT) if RESULT.exists() else {}
    runs: list[dict[str, Any]] = known["runs"] if known.get("on") == on else []
    wanted = [
        (model, precision, seed)
        for model, seed, precision in product(MODELS, range(first, first + N_SEEDS), POLICIES)
        if (model, precision, seed) not in map(key, runs)
    ]

    def run(training: tuple[str, str, int]) -> dict[str, Any]:
        return json.loads(run_python("-m", "benchmarks.precision", *map(str, training)).splitlines()[-1])

    with ThreadPoolExecutor(JOBS) as pool:
        for result in pool.map(run, wanted):
            runs.append(result)
            save(on, runs)
            print(*result.values(), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        setup_device(seed=0, device="cpu", threads=1)
        model, precision, seed = sys.argv[1:]
        print(json.dumps(one_run(model, precision, int(seed))))
    else:
        main()
