"""The rows of models.csv: what there is to know about each model."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.calibration import Bin, brier, ece, ece_floor
from src.comparison.pairs import Pair, tied_with
from src.comparison.published import Published
from src.comparison.runs import Run
from src.comparison.statistics import DIGITS, crossed_interval, pareto_front, wilson_interval


class Accuracies(TypedDict):
    """The accuracies of a model: those of the first run, with their intervals, and those over the seeds.

    The intervals of the first run are over other images, test_mean_ci_low and test_mean_ci_high over other seeds and
    other images.
    """

    train_accuracy: float
    val_accuracy: float
    val_ci_low: float
    val_ci_high: float
    test_accuracy: float
    test_ci_low: float
    test_ci_high: float
    train_mean: float
    train_std: float | None
    val_mean: float
    val_std: float | None
    test_mean: float
    test_std: float | None
    test_mean_ci_low: float | None
    test_mean_ci_high: float | None


class RunFacts(TypedDict):
    """How the first run of a model was trained and timed."""

    train_seconds: float
    test_seconds: float
    epochs: int
    best_epoch: int
    optimizer: str
    loss: str
    activation: str
    n_params: int
    precision: str
    device: str
    timed_on: str
    software: str


class ModelRow(Accuracies, RunFacts):
    """A row of models.csv, which also has a column for each latency.

    Accuracies are in [0, 1], times in seconds. Means and standard deviations (None for a single run) are over the
    seeds, as are the places on the Pareto fronts of mean validation accuracy; all else is of the first run. Training
    images have no interval: they are no sample. tied_with: models, with spaces between. ece_floor: see `ece_floor`.
    """

    model: str
    replicas: int
    tied_with: str
    ece: float
    ece_floor: float
    brier: float
    pareto_train_seconds: bool
    pareto_n_params: bool
    published_test_accuracy: float | None
    diff_vs_published: float | None


def model_rows(
    runs: Mapping[str, Sequence[Run]],
    pairs: Sequence[Pair],
    bins: Mapping[str, Sequence[Bin]],
    published: Mapping[str, Published | None],
    *,
    n_bins: int,
    confidence: float,
) -> list[ModelRow]:
    """A row for each model; published: where a model's published numbers can stand beside ours."""
    val = [mean(run.accuracy["val"] for run in seeds) for seeds in runs.values()]
    by_time = pareto_front([mean(run.train_seconds for run in seeds) for seeds in runs.values()], val)
    by_size = pareto_front([seeds[0].n_params for seeds in runs.values()], val)
    rows: list[ModelRow] = []
    for (model, seeds), on_time_front, on_size_front in zip(runs.items(), by_time, by_size, strict=True):
        first = seeds[0]
        published_value = published_accuracy(published[model], model)
        difference = None if published_value is None else round(first.accuracy["test"] - published_value, DIGITS)
        rows.append(
            {
                "model": model,
                **accuracies(seeds, confidence),
                "replicas": len(seeds),
                "tied_with": " ".join(tied_with(pairs, model)),
                "ece": ece(bins[model]),
                "ece_floor": ece_floor(first.probabilities["test"], n_bins),
                "brier": brier(first.probabilities["test"], first.y["test"]),
                **run_facts(first),
                "pareto_train_seconds": on_time_front,
                "pareto_n_params": on_size_front,
                "published_test_accuracy": published_value,
                "diff_vs_published": difference,
            }
        )
    return rows


def accuracies(seeds: Sequence[Run], confidence: float) -> Accuracies:
    """The accuracies of a model's runs, with Wilson's intervals."""
    first = seeds[0]
    val_ci, test_ci = (
        wilson_interval(first.accuracy[split], len(first.y[split]), confidence) for split in ("val", "test")
    )
    (train_mean, train_std), (val_mean, val_std), (test_mean, test_std) = (
        mean_and_std([run.accuracy[split] for run in seeds]) for split in ("train", "val", "test")
    )
    correct = np.stack([run.correct["test"] for run in seeds])
    mean_ci = crossed_interval(correct, confidence) if len(seeds) > 1 else (None, None)
    return {
        "train_accuracy": round(first.accuracy["train"], DIGITS),
        "val_accuracy": round(first.accuracy["val"], DIGITS),
        "val_ci_low": val_ci[0],
        "val_ci_high": val_ci[1],
        "test_accuracy": round(first.accuracy["test"], DIGITS),
        "test_ci_low": test_ci[0],
        "test_ci_high": test_ci[1],
        "train_mean": train_mean,
        "train_std": train_std,
        "val_mean": val_mean,
        "val_std": val_std,
        "test_mean": test_mean,
        "test_std": test_std,
        "test_mean_ci_low": mean_ci[0],
        "test_mean_ci_high": mean_ci[1],
    }


def run_facts(run: Run) -> RunFacts:
    """How a run was trained and timed."""
    return {
        "train_seconds": run.train_seconds,
        "test_seconds": run.test_seconds,
        "epochs": run.epochs,
        "best_epoch": run.best_epoch,
        "optimizer": run.recipe["optimizer"],
        "loss": run.loss,
        "activation": run.recipe["activation"],
        "n_params": run.n_params,
        "precision": run.precision,
        "device": run.device,
        "timed_on": run.timed_on,
        "software": run.software,
    }


def best_model(rows: Sequence[ModelRow]) -> str:
    """The model of the highest validation accuracy, the mean over its seeds; of equal ones the smallest.

    Test images choose nothing.
    """
    return max(rows, key=lambda row: (row["val_mean"], -row["n_params"]))["model"]


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation, None of a single value."""
    return round(mean(values), DIGITS), round(stdev(values), DIGITS) if len(values) > 1 else None


def published_accuracy(published: Published | None, model: str) -> float | None:
    """The published test accuracy of a model, if there is any."""
    return published["models"].get(model, {}).get("test_accuracy") if published else None


def csv_row(row: ModelRow, first: Run) -> dict[str, Any]:
    """A row as it is written, with a column for each latency of the model's first run."""
    return {**row, **{f"latency_{name}_s": value for name, value in first.latency.items()}}
