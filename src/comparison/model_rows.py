"""The rows of models.csv: what there is to know about each model."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any, TypedDict

from src.comparison.calibration import Bin, brier, ece, ece_floor
from src.comparison.pairs import Pair, tied_with
from src.comparison.published import Published
from src.comparison.runs import Run
from src.comparison.statistics import DIGITS, pareto_front, wilson_interval


class ModelRow(TypedDict):
    """A row of models.csv.

    Accuracies are in [0, 1], times in seconds. Means and standard deviations (None for a single run) are over the
    seeds, as are the places on the Pareto fronts of mean validation accuracy; all else is of the first run. Training
    images have no interval: they are no sample. ece_floor: see `ece_floor`. latency: one column for each of its keys.
    """

    model: str
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
    replicas: int
    tied_with: list[str]
    ece: float
    ece_floor: float
    brier: float
    train_seconds: float
    test_seconds: float
    latency: dict[str, float]
    epochs: int
    best_epoch: int
    optimizer: str
    loss: str
    activation: str
    n_params: int
    device: str
    timed_on: str
    software: str
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
    seconds = pareto_front([mean(run.train_seconds for run in seeds) for seeds in runs.values()], val)
    size = pareto_front([seeds[0].n_params for seeds in runs.values()], val)
    rows: list[ModelRow] = []
    for (model, seeds), in_seconds, in_size in zip(runs.items(), seconds, size, strict=True):
        first = seeds[0]
        test, beside = first.accuracy["test"], published_accuracy(published[model], model)
        val_ci, test_ci = (
            wilson_interval(first.accuracy[split], len(first.y[split]), confidence) for split in ("val", "test")
        )
        (train_mean, train_std), (val_mean, val_std), (test_mean, test_std) = (
            mean_and_std([run.accuracy[split] for run in seeds]) for split in ("train", "val", "test")
        )
        rows.append(
            {
                "model": model,
                "train_accuracy": round(first.accuracy["train"], DIGITS),
                "val_accuracy": round(first.accuracy["val"], DIGITS),
                "val_ci_low": val_ci[0],
                "val_ci_high": val_ci[1],
                "test_accuracy": round(test, DIGITS),
                "test_ci_low": test_ci[0],
                "test_ci_high": test_ci[1],
                "train_mean": train_mean,
                "train_std": train_std,
                "val_mean": val_mean,
                "val_std": val_std,
                "test_mean": test_mean,
                "test_std": test_std,
                "replicas": len(seeds),
                "tied_with": tied_with(pairs, model),
                "ece": ece(bins[model]),
                "ece_floor": ece_floor(first.probabilities["test"], n_bins),
                "brier": brier(first.probabilities["test"], first.y["test"]),
                "train_seconds": first.train_seconds,
                "test_seconds": first.test_seconds,
                "latency": first.latency,
                "epochs": first.epochs,
                "best_epoch": first.best_epoch,
                "optimizer": first.recipe["optimizer"],
                "loss": first.loss,
                "activation": first.recipe["activation"],
                "n_params": first.n_params,
                "device": first.device,
                "timed_on": first.timed_on,
                "software": first.software,
                "pareto_train_seconds": in_seconds,
                "pareto_n_params": in_size,
                "published_test_accuracy": beside,
                "diff_vs_published": None if beside is None else round(test - beside, DIGITS),
            }
        )
    return rows


def best_model(rows: Sequence[ModelRow]) -> str:
    """The model of the highest validation accuracy, the mean over its seeds: test images choose nothing."""
    return max(rows, key=lambda row: row["val_mean"])["model"]


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation, None of a single value."""
    return round(mean(values), DIGITS), round(stdev(values), DIGITS) if len(values) > 1 else None


def published_accuracy(published: Published | None, model: str) -> float | None:
    """The published test accuracy of a model, if there is any."""
    return published["models"].get(model, {}).get("test_accuracy") if published else None


def csv_row(row: ModelRow) -> dict[str, Any]:
    """A row as it is written: the tied models in one cell, a column for each latency."""
    cells: dict[str, Any] = {}
    for key, value in row.items():
        cells |= {f"latency_{name}_s": value for name, value in row["latency"].items()} if key == "latency" else {}
        cells |= {} if key == "latency" else {key: " ".join(row["tied_with"]) if key == "tied_with" else value}
    return cells
