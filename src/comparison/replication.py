"""Whether the notebook's trainings could be further seeds of ours: published numbers against prediction intervals.

With independent, normal values of n seeds, mean m and standard deviation s, one more run lies with the confidence level
within m ± t s √(1 + 1/n), t of Student's distribution with n - 1 degrees of freedom (Hahn, 1969).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.charts import STYLES
from src.comparison.published import Published
from src.comparison.runs import Run
from src.comparison.statistics import DIGITS, holm

ROUNDING_VARIANCE = 0.0001**2 / 12  # of the notebook's numbers, which have four digits


class Replicated(TypedDict):
    """A published number beside the same one of our seeds.

    split: "training", "validation" or "test"; measure: "accuracy", in [0, 1], or "loss". low and high: the prediction
    interval of one more run. t: how many standard deviations of such a prediction the published number is above the
    mean. p: two-sided; p_holm: with Holm's correction for all rows of the model.
    """

    model: str
    split: str
    measure: str
    epoch: int
    published: float
    n_seeds: int
    mean: float
    low: float
    high: float
    t: float
    p: float
    p_holm: float


class ModelReplicated(TypedDict):
    """How many published numbers of a model lie inside their prediction intervals, and the one that is furthest away.

    p_holm: the smallest of the model's numbers. Above one minus the confidence level, nothing speaks against the
    notebook's training being one more seed of ours.
    """

    model: str
    n_seeds: int
    n_published: int
    n_inside: int
    furthest: Replicated
    p_holm: float


class Value(NamedTuple):
    """A published number and the same of each of our seeds."""

    split: str
    measure: str
    epoch: int
    published: float
    ours: list[float]


def replicate(
    runs: Mapping[str, Sequence[Run]], published: Mapping[str, Published | None], confidence: float
) -> list[Replicated]:
    """The published numbers of each model that has two seeds or more, by epoch, then on the test images.

    published: where a model's published numbers can stand beside ours. confidence: level of the intervals.
    """
    return [
        row
        for model, seeds in runs.items()
        if (numbers := published[model]) and len(seeds) > 1
        for row in _model_rows(model, list(_values(seeds, numbers)), confidence)
    ]


def _values(seeds: Sequence[Run], published: Published) -> Iterator[Value]:
    """The numbers of a model that the notebook printed."""
    model = published["models"].get(seeds[0].model, {})
    for split, (prefix, _) in STYLES.items():
        for measure in ("accuracy", "loss"):
            for row in model.get("history", []):
                epoch, key = int(row["epoch"]), f"{prefix}{measure}"
                yield Value(split, measure, epoch, row[key], [run.history[key][epoch - 1] for run in seeds])
    if "test_accuracy" in model:
        last = seeds[0].epochs
        yield Value("test", "accuracy", last, model["test_accuracy"], [run.accuracy["test"] for run in seeds])


def _model_rows(model: str, values: Sequence[Value], confidence: float) -> list[Replicated]:
    """A row for each number of a model."""
    from scipy.special import stdtr, stdtrit

    rows: list[Replicated] = []
    for split, measure, epoch, published, ours in values:
        n_seeds, center = len(ours), float(np.mean(ours))
        sd = math.sqrt(np.var(ours, ddof=1) * (1 + 1 / n_seeds) + ROUNDING_VARIANCE)
        half, t = sd * float(stdtrit(n_seeds - 1, (1 + confidence) / 2)), (published - center) / sd
        rows.append(
            {
                "model": model,
                "split": split,
                "measure": measure,
                "epoch": epoch,
                "published": published,
                "n_seeds": n_seeds,
                "mean": round(center, DIGITS),
                "low": round(center - half, DIGITS),
                "high": round(center + half, DIGITS),
                "t": round(t, DIGITS),
                "p": round(2 * float(stdtr(n_seeds - 1, -abs(t))), DIGITS),
                "p_holm": 0.0,
            }
        )
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = round(p, DIGITS)
    return rows


def summarise(rows: Sequence[Replicated]) -> list[ModelReplicated]:
    """A row for each model."""
    by_model: dict[str, list[Replicated]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)
    return [
        {
            "model": model,
            "n_seeds": own[0]["n_seeds"],
            "n_published": len(own),
            "n_inside": sum(row["low"] <= row["published"] <= row["high"] for row in own),
            "furthest": max(own, key=lambda row: abs(row["t"])),
            "p_holm": min(row["p_holm"] for row in own),
        }
        for model, own in by_model.items()
    ]
