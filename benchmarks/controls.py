"""What claims about optimizers need: the encoder's network with SGD, tuned and with momentum, and with more epochs.

Every training is a process of its own with one thread; those of an earlier run on the same device are taken over.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import run_python
from src.comparison.scores import accuracy
from src.comparison.statistics import t_interval
from src.images import splits
from src.params import read_params
from src.pipeline.files import read_json, write_json, write_text
from src.pipeline.yaml_files import read_yaml
from src.train import train
from src.training.device import setup_device, software
from src.training.predictor import predictor

BLOCKS = "benchmarks/controls.yaml"
RESULT = Path("benchmarks/controls.json")
N_SEEDS = 5
JOBS = 2
CONFIDENCE = 0.95
REFERENCE = "adam"
Run = dict[str, Any]


def one_run(name: str, recipe: Mapping[str, Any], seed: int) -> Run:
    """A block trained from a seed: its accuracies on validation and test images."""
    sets = splits.read("train"), splits.read("val")
    hooks: Any = (lambda network: 1, lambda steps: None, lambda epoch, logs: None)
    network = train(*sets, len(splits.class_names()), seed, *hooks, **recipe)
    predict = predictor(network, batch_size=recipe["batch_size"])
    scores = {split: splits.read(split) for split in ("val", "test")}
    return {"control": name, "seed": seed} | {
        f"{split}_accuracy": accuracy(predict(images.x).argmax(axis=1), images.y) for split, images in scores.items()
    }


def summarise(blocks: Mapping[str, Mapping[str, Any]], runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """For each block with all its seeds: means and standard deviations of its accuracies, in [0, 1].

    tuned: only there, and true, where no other block with this optimizer and these epochs has a better mean validation
    accuracy. difference: for these, test accuracy minus that of the tuned REFERENCE with these epochs, the mean over
    the seeds' pairs, with its t interval.
    """
    by_block = {name: [run for run in runs if run["control"] == name] for name in blocks}
    summary: dict[str, dict[str, Any]] = {}
    for name, own in by_block.items():
        if len(own) == N_SEEDS:
            summary[name] = {
                f"{split}_{kind}": function(run[f"{split}_accuracy"] for run in own)
                for split, (kind, function) in product(("val", "test"), (("mean", mean), ("std", stdev)))
            }
    groups: dict[tuple[str, int], list[str]] = {}
    for name in summary:
        groups.setdefault((blocks[name]["optimizer"], blocks[name]["epochs"]), []).append(name)
    tuned = {key: max(names, key=lambda name: summary[name]["val_mean"]) for key, names in groups.items()}
    for (optimizer, epochs), name in tuned.items():
        summary[name]["tuned"] = True
        if optimizer != REFERENCE and (REFERENCE, epochs) in tuned:
            theirs = {run["seed"]: run["test_accuracy"] for run in by_block[tuned[REFERENCE, epochs]]}
            differences = [run["test_accuracy"] - theirs[run["seed"]] for run in by_block[name]]
            summary[name] |= {"difference": mean(differences), "interval": t_interval(differences, CONFIDENCE)}
    return summary


def markdown(blocks: Mapping[str, Mapping[str, Any]], summary: Mapping[str, dict[str, Any]]) -> list[str]:
    """A row for each block, in percent and percentage points."""
    lines = [
        "| Optimizer | Rate | Epochs | Validation | Test | Chosen | Test, tuned SGD minus tuned Adam, points |",
        "|---|---:|---:|---:|---:|---|---:|",
    ]
    for name, row in summary.items():
        block = blocks[name]
        val, test = (f"{row[f'{split}_mean']:.2%} ± {100 * row[f'{split}_std']:.2f}" for split in ("val", "test"))
        difference = ""
        if "difference" in row:
            low, high = (100 * end for end in row["interval"])
            difference = f"{100 * row['difference']:+.2f} ({low:+.2f} to {high:+.2f})"
        chosen = "yes" if "tuned" in row else ""
        cells = [block["optimizer"], block["learning_rate"], block["epochs"], val, test, chosen, difference]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def save(on: str, blocks: Mapping[str, Mapping[str, Any]], runs: Sequence[Run]) -> None:
    """Write the runs and their summary."""
    summary = summarise(blocks, runs)
    write_json(RESULT, {"on": on, "summary": summary, "runs": runs})
    what = f"Means and standard deviations of {N_SEEDS} seeds. Chosen: by validation accuracy, among the rates of an "
    what += f"optimizer. Intervals at {CONFIDENCE:.0%}, of the paired differences over the seeds. On {on}."
    write_text("benchmarks/controls.md", "\n".join(["# Controls", "", what, "", *markdown(blocks, summary), ""]))


def main() -> None:
    """Train what is missing -> benchmarks/controls.json and .md."""
    first, blocks = read_params()["seed"], read_yaml(BLOCKS)
    on = f"{setup_device(seed=0, device='cpu', threads=1)}; {software()}"
    known = read_json(RESULT) if RESULT.exists() else {}
    runs: list[Run] = known["runs"] if known.get("on") == on else []
    trained = {(run["control"], run["seed"]) for run in runs}
    wanted = [pair for pair in product(blocks, range(first, first + N_SEEDS)) if pair not in trained]

    def run(training: tuple[str, int]) -> Run:
        return json.loads(run_python("-m", "benchmarks.controls", *map(str, training)).splitlines()[-1])

    with ThreadPoolExecutor(JOBS) as pool:
        for result in pool.map(run, wanted):
            runs.append(result)
            save(on, blocks, runs)
            print(*result.values(), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        setup_device(seed=0, device="cpu", threads=1)
        name, seed = sys.argv[1:]
        print(json.dumps(one_run(name, read_yaml(BLOCKS)[name], int(seed))))
    else:
        main()
