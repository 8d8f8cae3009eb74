"""The table of the models: a row of numbers for each, and its columns as people read them."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

from src.comparison import statistics as evidence
from src.comparison.claims import turning_epoch
from src.images.splits import SPLITS

COSTS = {"train_seconds": "training time, seconds", "parameters": "parameters"}  # what accuracy is weighed against

Row = Mapping[str, Any]


def row(
    block: Mapping[str, Any],
    runs: Sequence[Mapping[str, Any]],
    published: float | None,
    images: Mapping[str, int],
    confidence: float,
) -> dict[str, Any]:
    """A model's row, of its block in params.yaml, its runs and the number of images of each split.

    What is not a mean or sd (sample standard deviation) over the runs is of the first. Accuracies in [0, 1] with
    Wilson's interval, times in seconds, `turned` the epoch of the lowest validation loss; `difference` is the test
    accuracy less the published one. None: the sd of a single run, and the difference to what was not published.
    """
    first = runs[0]
    accuracies: dict[str, Any] = {}
    for split in SPLITS:
        values = [run[f"{split}_accuracy"] for run in runs]
        low, high = evidence.share_interval(values[0], images[split], confidence)
        spread = round(stdev(values), evidence.DIGITS) if len(runs) > 1 else None
        numbers = {"accuracy": values[0], "low": low, "high": high}
        numbers |= {"mean": round(mean(values), evidence.DIGITS), "sd": spread}
        accuracies |= {f"{split}_{key}": value for key, value in numbers.items()}
    return accuracies | {
        "runs": len(runs),
        "train_seconds": first["train_seconds"],
        "test_seconds": first["test_seconds"],
        **{key: value for key, value in first.items() if key.startswith("latency_")},
        "epochs": first["epochs"],
        "turned": turning_epoch(first),
        "optimizer": block["optimizer"],
        "loss": first["loss"],
        "activation": block["activation"],
        "parameters": first["parameters"],
        "device": first["device"],
        "software": first["software"],
        "published_test_accuracy": published,
        "difference": None if published is None else round(first["test_accuracy"] - published, evidence.DIGITS),
    }


class Column(NamedTuple):
    """A column for people: its heading, the key of a row that it is sorted by, and the cell of a row as text."""

    heading: str
    key: str
    cell: Callable[[Row], str]


def _column(heading: str, key: str, form: str, scale: float | None = None) -> Column:
    """A column whose cells are one value of the row in a format, times `scale`; empty where there is none."""
    return Column(
        heading, key, lambda row: "" if row[key] is None else form.format(row[key] * scale if scale else row[key])
    )


def columns(confidence: float) -> list[Column]:
    """The columns of the notebook's table, and what can be said of the differences in it."""
    return [
        _column("Training accuracy", "train_accuracy", "{:.2%}"),
        _column("Validation accuracy", "val_accuracy", "{:.2%}"),
        Column(f"Test accuracy ({confidence:.0%} interval)", "test_accuracy", _with_interval),
        Column("Over seeds", "test_mean", _over_seeds),
        _column("Not told apart from", "not_told_apart", "{}"),
        _column("Published", "published_test_accuracy", "{:.2%}"),
        _column("Difference", "difference", "{:+.2f}", 100),
        _column("Training time", "train_seconds", "{:.0f} s"),
        _column("Testing time", "test_seconds", "{:.2f} s"),
        _column("Epochs", "epochs", "{}"),
        _column("Optimizer", "optimizer", "{}"),
        Column("Loss", "loss", lambda row: row["loss"].replace("_", " ")),
        _column("Activation", "activation", "{}"),
        _column("Parameters", "parameters", "{:,}"),
    ]


def more_columns(table: Mapping[str, Row]) -> list[Column]:
    """What else a row tells: calibration, the epoch of the lowest validation loss, latencies, device and software."""
    latencies = [key for key in next(iter(table.values())) if key.startswith("latency_")]
    names = {key: f"Batch of {key.split('_')[1]}, {key.split('_')[2]}" for key in latencies}
    return [
        _column("ECE", "ece", "{:.3f}"),
        _column("Brier", "brier", "{:.3f}"),
        _column("Lowest validation loss", "turned", "epoch {}"),
        *(_column(names[key], key, "{:.1f} ms", 1000) for key in latencies),
        _column("Device", "device", "{}"),
        _column("Software", "software", "{}"),
    ]


def _with_interval(row: Row) -> str:
    """Test accuracy and its interval, per cent."""
    return f"{row['test_accuracy']:.2%} ({100 * row['test_low']:.2f} to {100 * row['test_high']:.2f})"


def _over_seeds(row: Row) -> str:
    """Mean and spread of the test accuracy over the runs, and their number; empty for a single one."""
    return "" if row["test_sd"] is None else f"{row['test_mean']:.2%} ± {100 * row['test_sd']:.2f} ({row['runs']})"


def best(table: Mapping[str, Row]) -> str:
    """The model of the highest validation accuracy: test images choose nothing."""
    return max(table, key=lambda name: table[name]["val_accuracy"])


def notes(confidence: float) -> list[str]:
    """What the columns are, in sentences."""
    return [
        "Training time: compiling, all epochs and the validation after each. Testing time: predicting the test set "
        "once more after a first pass, from the host's memory and back. Difference: percentage points.",
        "Interval: Wilson's. Over seeds: mean and standard deviation of the test accuracy, and the number of runs; the "
        "other columns are of the first run. Not told apart: the first runs, by McNemar's exact test on the same test "
        f"images, with Holm's correction over all pairs, at {1 - confidence:.0%}; over seeds a pair may differ all the "
        "same (metrics/pairs.csv).",
    ]


def markdown(table: Mapping[str, Row], confidence: float) -> str:
    """The table for people: accuracies in per cent; below it the best model, the device and what the columns are."""
    of = columns(confidence)
    text = {column.key for column in of for row in table.values() if isinstance(row[column.key], str)}
    header = ["Model", *(column.heading for column in of)]
    rule = ["---", *("---" if column.key in text else "---:" for column in of)]
    rows = [[name, *(column.cell(row) for column in of)] for name, row in table.items()]
    devices = ", ".join(sorted({row["device"] for row in table.values()}))
    return "\n".join(
        [
            f"| {' | '.join(header)} |",
            f"|{'|'.join(rule)}|",
            *(f"| {' | '.join(cells)} |" for cells in rows),
            "",
            f"Best by validation accuracy: {best(table)}. Device: {devices}.",
            *notes(confidence),
            "",
        ]
    )
