"""Runs and their files as train and evaluate write them, made without a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.comparison.runs import Run
from src.images.splits import SPLITS
from src.pipeline.files import write_csv, write_json

CLASSES = 5
RECIPE: dict[str, Any] = {
    "architecture": "small",
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 500,
}


def labels(n: int) -> np.ndarray:
    """Labels 0, 1, 2, 3, 4, 0, ..."""
    return np.arange(n) % CLASSES


def probabilities(y: np.ndarray, errors: int, seed: int = 0, confidence: float = 0.92) -> np.ndarray:
    """(n, CLASSES) float32 that are wrong, by one label, on so many images chosen by the seed."""
    answers = y.copy()
    answers[np.random.default_rng(seed).choice(len(y), errors, replace=False)] += 1
    rest = (1 - confidence) / (CLASSES - 1)
    return (rest + (confidence - rest) * np.eye(CLASSES)[answers % CLASSES]).astype(np.float32)


def example_run(
    model: str = "a",
    seed: int = 27,
    *,
    errors: Mapping[str, int] | None = None,
    n: Mapping[str, int] | None = None,
    val_loss: Sequence[float] = (0.5, 0.4),
    val_accuracy: Sequence[float] = (0.8, 0.9),
    recipe: Mapping[str, Any] | None = None,
    n_params: int = 1000,
    train_seconds: float = 60.0,
    n_resumed: int = 0,
) -> Run:
    """A run with so many errors on n images of each split and with the given curves."""
    n, errors = n or {"train": 400, "val": 200, "test": 400}, errors or {"train": 10, "val": 20, "test": 40}
    y = {split: labels(size) for split, size in n.items()}
    epochs = len(val_loss)
    return Run(
        model=model,
        seed=seed,
        run_id=f"{model}{seed}",
        recipe=RECIPE | {"epochs": epochs} | dict(recipe or {}),
        n_params=n_params,
        loss="categorical_crossentropy",
        precision="float32",
        device="CPU",
        software="keras 3",
        train_seconds=train_seconds,
        n_resumed=n_resumed,
        history={
            "epoch": [float(epoch) for epoch in range(1, epochs + 1)],
            "loss": [value * 1.1 for value in val_loss],
            "accuracy": [value * 0.98 for value in val_accuracy],
            "val_loss": list(val_loss),
            "val_accuracy": list(val_accuracy),
        },
        timed_on="CPU",
        test_seconds=0.5,
        latency={"bs1_first": 0.2, "bs1_p50": 0.004, "bs1_p95": 0.005},
        probabilities={split: probabilities(y[split], errors[split], seed) for split in n},
        y=y,
    )


def write_files(runs: Mapping[str, Sequence[Run]], images: Mapping[str, np.ndarray] | None = None) -> None:
    """The files of `runs` and of their splits in the current folder."""
    first = next(iter(runs.values()))[0]
    names = np.array([f"label {number}" for number in range(CLASSES)])
    Path("data/predictions").mkdir(parents=True, exist_ok=True)
    for split, y in first.y.items():
        x = images[split] if images else np.zeros((len(y), 4, 4), np.uint8)
        np.savez(f"data/{split}.npz", x=x, y=y, labels=names)
    places = {
        split: np.array([f"{'test' if split == 'test' else 'train'} {row}" for row in range(len(y))])
        for split, y in first.y.items()
    }
    np.savez("data/image_ids.npz", allow_pickle=False, **places)
    Path("data/occlusion").mkdir(exist_ok=True)
    for model, seeds in runs.items():
        keys = ("recipe", "n_params", "loss", "precision", "device", "software")
        shared = {key: getattr(seeds[0], key) for key in keys}
        trainings = [
            {key: getattr(run, key) for key in ("seed", "run_id", "train_seconds", "n_resumed")} for run in seeds
        ]
        write_json(f"data/runs/{model}.json", shared | {"seeds": trainings})
        timings = [{key: getattr(run, key) for key in ("seed", "test_seconds", "latency")} for run in seeds]
        write_json(f"data/timings/{model}.json", {"device": seeds[0].timed_on, "seeds": timings})
        history = [
            {"seed": run.seed} | dict(zip(run.history, values, strict=True))
            for run in seeds
            for values in zip(*run.history.values(), strict=True)
        ]
        write_csv(f"metrics/train/history/{model}.csv", history)
        stacked = {split: np.stack([run.probabilities[split] for run in seeds]) for split in first.y}
        np.savez(f"data/predictions/{model}.npz", allow_pickle=False, **stacked)
        mistakes = np.flatnonzero(~seeds[0].correct["test"])[:2]
        side = images["test"].shape[1] if images else 4
        maps = np.ones((len(mistakes), side, side), np.float32)
        np.savez(f"data/occlusion/{model}.npz", allow_pickle=False, mistakes=mistakes, maps=maps)


def write_prepared(subject: str, counts: Mapping[str, int]) -> None:
    """metrics/prepare/splits.json, with the same counts of labels in each split."""
    write_json(
        "metrics/prepare/splits.json",
        {"subject": subject, "labels": list(counts), "counts": dict.fromkeys(SPLITS, counts)},
    )
