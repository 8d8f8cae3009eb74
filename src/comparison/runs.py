"""Every training joined once with its evaluation: the records that the comparison, the audit and the page read."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from src.comparison import scores
from src.images import splits
from src.images.splits import SPLITS
from src.pipeline.files import read_csv, read_json
from src.pipeline.untrusted import read_arrays

# With a file for each model, or a folder.
FOLDERS = ("models", "data/runs", "data/timings", "data/predictions", "data/occlusion", "metrics/train/history")
HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Run:
    """A model trained from one seed, and evaluated.

    history: a list per column of HISTORY, a value per epoch. probabilities: (n, classes) float32 of each split.
    y: (n,) int64, the labels of each split. Times are in seconds: train_seconds on `device`, the others on `timed_on`;
    latency: {"bs1_p50": ...}, of single batches. n_resumed: how often the training went on after an interruption.
    """

    model: str
    seed: int
    run_id: str
    recipe: dict[str, Any]
    n_params: int
    loss: str
    precision: str
    device: str
    software: str
    train_seconds: float
    n_resumed: int
    history: dict[str, list[float]]
    timed_on: str
    test_seconds: float
    latency: dict[str, float]
    probabilities: dict[str, np.ndarray]
    y: dict[str, np.ndarray]

    @cached_property
    def predicted(self) -> dict[str, np.ndarray]:
        """The most probable label of each image, (n,) int64, of each split."""
        return {split: values.argmax(axis=1) for split, values in self.probabilities.items()}

    @cached_property
    def correct(self) -> dict[str, np.ndarray]:
        """Whether each image was classified correctly, (n,) bool, of each split."""
        return {split: self.predicted[split] == y for split, y in self.y.items()}

    @cached_property
    def accuracy(self) -> dict[str, float]:
        """The share of images that were classified correctly, in [0, 1], of each split."""
        return {split: scores.accuracy(self.predicted[split], y) for split, y in self.y.items()}

    @property
    def epochs(self) -> int:
        """How many epochs it was trained."""
        return len(self.history["epoch"])

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, from 1."""
        return int(np.argmin(self.history["val_loss"])) + 1


def remove_others(models: Collection[str]) -> None:
    """Remove the files of models that are not among these, and say so.

    They stay when a model leaves params.yaml. DVC takes the folders as a whole: a clone, which lacks such files, would
    find everything changed. What DVC's cache and git have of them comes back with the model.
    """
    files = [path for folder in FOLDERS for path in sorted(Path(folder).glob("[!.]*")) if path.stem not in models]
    for path in files:
        # Another stage may remove the same ones at the same time.
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if files:
        print(f"Removed what was left of models that params.yaml no longer has: {', '.join(map(str, files))}")


def read_runs(models: Iterable[str]) -> dict[str, list[Run]]:
    """The runs of each model, in the order of their seeds."""
    y: dict[str, np.ndarray] = {split: splits.labels(split) for split in SPLITS}
    return {model: _read(model, y) for model in models}


def _read(model: str, y: dict[str, np.ndarray]) -> list[Run]:
    """The runs of one model."""
    trained, timings = read_json(f"data/runs/{model}.json"), read_json(f"data/timings/{model}.json")
    history = read_csv(f"metrics/train/history/{model}.csv")
    shared = {key: trained[key] for key in ("recipe", "n_params", "loss", "precision", "device", "software")}
    probabilities = read_arrays(f"data/predictions/{model}.npz", *SPLITS)
    runs = []
    for number, (training, timing) in enumerate(zip(trained["seeds"], timings["seeds"], strict=True)):
        rows = [row for row in history if int(row["seed"]) == training["seed"]]
        runs.append(
            Run(
                model=model,
                **shared,
                **training,
                history={column: [float(row[column]) for row in rows] for column in HISTORY},
                timed_on=timings["device"],
                test_seconds=timing["test_seconds"],
                latency=timing["latency"],
                probabilities={split: values[number] for split, values in probabilities.items()},
                y=y,
            )
        )
    return runs
