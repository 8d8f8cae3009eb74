"""What a model gains by giving no answer where it is not sure."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.runs import Run
from src.comparison.statistics import DIGITS, wilson_interval

THRESHOLDS = np.linspace(0, 1, 101)
# A threshold is chosen on the first, measured on the second.
SPLITS: tuple[Literal["val", "test"], ...] = ("val", "test")


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
    rows: list[Abstention] = []
    for model, (run, *_) in runs.items():
        for split in SPLITS:
            probability, correct = run.probabilities[split].max(axis=1), run.correct[split]
            for threshold in THRESHOLDS.tolist():
                answered = probability >= threshold
                n = int(answered.sum())
                accuracy = float(correct[answered].mean()) if n else None
                low, high = wilson_interval(accuracy, n, confidence) if accuracy is not None else (0.0, 1.0)
                rows.append(
                    {
                        "model": model,
                        "split": split,
                        "threshold": round(threshold, DIGITS),
                        "n": n,
                        "coverage": round(n / len(correct), DIGITS),
                        "accuracy": None if accuracy is None else round(accuracy, DIGITS),
                        "ci_low": low,
                        "ci_high": high,
                    }
                )
    return rows
