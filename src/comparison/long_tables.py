"""The long tables of a comparison: a row per run, per epoch, per label, per cell of a matrix, per mistake."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.calibration import Bin
from src.comparison.charts import STYLES
from src.comparison.runs import Run
from src.comparison.scores import class_scores, confusion_matrix, surest_mistakes
from src.comparison.statistics import DIGITS
from src.images.splits import SPLITS
from src.pipeline.files import write_csv


class Mistake(TypedDict):
    """A row of mistakes.csv: the image's row in data/test.npz and its id, and the probability of `predicted`."""

    model: str
    test_index: int
    image: str
    label: str
    predicted: str
    confidence: float


def mistake_rows(run: Run, n_mistakes: int, labels: Sequence[str], images: Sequence[str]) -> list[Mistake]:
    """The wrong predictions on test images that a run gives the highest probabilities, the highest first.

    labels: the names of the labels, by number. images: the ids of the test images.
    """
    y, predicted, confidence = run.y["test"], run.predicted["test"], run.probabilities["test"].max(axis=1)
    return [
        {
            "model": run.model,
            "test_index": index,
            "image": images[index],
            "label": labels[y[index]],
            "predicted": labels[predicted[index]],
            "confidence": round(float(confidence[index]), DIGITS),
        }
        for index in surest_mistakes(run.probabilities["test"], y, n_mistakes).tolist()
    ]


def run_rows(runs: Mapping[str, Sequence[Run]]) -> list[dict[str, Any]]:
    """Each run's accuracies and times, and how often it was resumed."""
    return [
        {"model": model, "seed": run.seed, "run_id": run.run_id}
        | {f"{split}_accuracy": round(run.accuracy[split], DIGITS) for split in SPLITS}
        | {"train_seconds": run.train_seconds, "n_resumed": run.n_resumed, "test_seconds": run.test_seconds}
        for model, seeds in runs.items()
        for run in seeds
    ]


def curve_rows(runs: Mapping[str, Sequence[Run]]) -> list[dict[str, Any]]:
    """Loss and accuracy of each model, seed, split ("training", "validation") and epoch."""
    return [
        {"model": model, "seed": run.seed, "epoch": int(epoch), "split": split, "loss": loss, "accuracy": accuracy}
        for model, seeds in runs.items()
        for run in seeds
        for split, (prefix, _) in STYLES.items()
        for epoch, loss, accuracy in zip(
            run.history["epoch"], run.history[f"{prefix}loss"], run.history[f"{prefix}accuracy"], strict=True
        )
    ]


def per_class(runs: Mapping[str, Sequence[Run]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Scores of each model's first run and label on the test images."""
    return [
        {"model": model, "label": label} | {key: round(value, DIGITS) for key, value in scores._asdict().items()}
        for model, (first, *_) in runs.items()
        for label, scores in zip(
            labels, class_scores(first.predicted["test"], first.y["test"], len(labels)), strict=True
        )
    ]


def confusion_matrices(runs: Mapping[str, Sequence[Run]], classes: int) -> dict[str, np.ndarray]:
    """The confusion matrix of each model's first run on the test images, (classes, classes) int64."""
    return {
        model: confusion_matrix(first.predicted["test"], first.y["test"], classes)
        for model, (first, *_) in runs.items()
    }


def confusion_rows(runs: Mapping[str, Sequence[Run]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """The cells of the confusion matrices."""
    return [
        {"model": model, "true": true, "predicted": predicted, "count": count}
        for model, matrix in confusion_matrices(runs, len(labels)).items()
        for true, row in zip(labels, matrix.tolist(), strict=True)
        for predicted, count in zip(labels, row, strict=True)
    ]


def write_long_tables(
    folder: str,
    runs: Mapping[str, Sequence[Run]],
    bins: Mapping[str, Sequence[Bin]],
    mistakes: Sequence[Mistake],
    labels: Sequence[str],
) -> None:
    """Write all of them to a folder; labels: the names of the labels, by number."""
    write_csv(f"{folder}/runs.csv", run_rows(runs))
    write_csv(f"{folder}/learning_curves.csv", curve_rows(runs))
    write_csv(f"{folder}/per_class.csv", per_class(runs, labels))
    write_csv(f"{folder}/confusion.csv", confusion_rows(runs, labels))
    write_csv(f"{folder}/calibration.csv", [{"model": model, **row} for model, rows in bins.items() for row in rows])
    write_csv(f"{folder}/mistakes.csv", mistakes, list(Mistake.__annotations__))
