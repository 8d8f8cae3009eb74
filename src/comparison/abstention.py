"""What a model gains by giving no answer where it is not sure."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.runs import Run
from src.comparison.statistics import DIGITS, wilson_interval

THRESHOLDS = np.linspace(0, 1, 101)
SPLITS: tuple[Literal["val", "test"], ...] = (
    "val",
    "test",
)  # a threshold is chosen on the first, measured on the second


class Abstention(TypedDict):
    """A row of abstention.csv: of a model's answers with at least this probability the number and the accuracy.

    coverage: their share of all images. Where there are none, there is no accuracy, and the interval is 0 to 1.
    """

    model: str
    split: Literal["val", "test"]
    threshold: float
    n: int
    coverage: float
    accuracy: float | None
    ci_low: float
    ci_high: float


def abstention_rows(runs: Mapping[str, Sequence[Run]], confidence: float) -> list[Abstention]:
    """Each model's answers from each of THRESHOLDS on, of its first run."""
    return [
        _row(model, split, float(threshold), seeds[0], confidence)
        for model, seeds in runs.items()
        for split in SPLITS
        for threshold in THRESHOLDS
    ]


def _row(model: str, split: Literal["val", "test"], threshold: float, run: Run, confidence: float) -> Abstention:
    sure = run.probabilities[split].max(axis=1) >= threshold
    n = int(sure.sum())
    accuracy = float(run.correct[split][sure].mean()) if n else None
    low, high = wilson_interval(accuracy, n, confidence) if accuracy is not None else (0.0, 1.0)
    return {
        "model": model,
        "split": split,
        "threshold": round(threshold, DIGITS),
        "n": n,
        "coverage": round(n / len(sure), DIGITS),
        "accuracy": None if accuracy is None else round(accuracy, DIGITS),
        "ci_low": low,
        "ci_high": high,
    }
