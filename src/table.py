"""The table of the models: a row of numbers for each, and as Markdown for people."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from src import evidence
from src.claims import turning_epoch

SPLITS = ("train", "val", "test")


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
        "published_test_accuracy": published,
        "difference": None if published is None else round(first["test_accuracy"] - published, evidence.DIGITS),
    }


def markdown(table: Mapping[str, Mapping[str, Any]], confidence: float) -> str:
    """The table for people: accuracies in per cent; below it the best model, the device and what the columns are."""
    header = (
        f"| Model | Training accuracy | Validation accuracy | Test accuracy ({confidence:.0%} interval) | Over seeds "
        "| Not told apart from | Published | Difference | Training time | Testing time | Epochs | Optimizer | Loss "
        "| Activation | Parameters |"
    )
    lines = [header, "|---" + "|---:" * 4 + "|---" + "|---:" * 5 + "|---" * 3 + "|---:|"]
    lines += [f"| {' | '.join([name, *_cells(row)])} |" for name, row in table.items()]
    best = max(table, key=lambda name: table[name]["val_accuracy"])
    devices = ", ".join(sorted({row["device"] for row in table.values()}))
    return "\n".join(
        [
            *lines,
            "",
            f"Best by validation accuracy: {best}. Device: {devices}.",
            "Training time: compiling, all epochs and the validation after each. Testing time: predicting the test set "
            "once more after a first pass, from the host's memory and back. Difference: percentage points.",
            "Interval: Wilson's. Over seeds: mean and standard deviation of the test accuracy, and the number of runs; "
            "the other columns are of the first run. Not told apart: by McNemar's exact test on the same test images, "
            f"with Holm's correction over all pairs, at {1 - confidence:.0%}.",
            "",
        ]
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    """The cells of a row after the model's name."""
    known = row["published_test_accuracy"]
    seeds = "" if row["test_sd"] is None else f"{row['test_mean']:.2%} ± {100 * row['test_sd']:.2f} ({row['runs']})"
    return [
        f"{row['train_accuracy']:.2%}",
        f"{row['val_accuracy']:.2%}",
        f"{row['test_accuracy']:.2%} ({100 * row['test_low']:.2f} to {100 * row['test_high']:.2f})",
        seeds,
        row["not_told_apart"],
        "" if known is None else f"{known:.2%}",
        "" if known is None else f"{100 * row['difference']:+.2f}",
        f"{row['train_seconds']:.0f} s",
        f"{row['test_seconds']:.2f} s",
        str(row["epochs"]),
        row["optimizer"],
        row["loss"].replace("_", " "),
        row["activation"],
        f"{row['parameters']:,}",
    ]
