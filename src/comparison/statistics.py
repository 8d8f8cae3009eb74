"""What the numbers can carry: intervals, tests between models, calibration, and which models no other beats.

Nothing here chooses a model: the tests on test images only say what can be told apart.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

DIGITS = 6  # of what is written: more would differ between machines


def share_interval(share: float, images: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share of so many images, in [0, 1]."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(round(share * images), images, alpha=1 - confidence, method="wilson")
    return round(float(low), DIGITS), round(float(high), DIGITS)


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float) -> tuple[float, float]:
    """Student's t interval of the mean of two or more values."""
    from statsmodels.stats.weightstats import DescrStatsW

    low, high = DescrStatsW(values).tconfint_mean(alpha=1 - confidence)
    return round(float(low), DIGITS), round(float(high), DIGITS)


def pairs(right: Mapping[str, np.ndarray], *, confidence: float, min_seeds: int) -> list[dict[str, Any]]:
    """Each two models, tested on the same images and over the same seeds.

    right: {model: (replicas, n) bool, whether an image was classified right}; the i-th replicas have the same seed.
    On images: McNemar's exact test of the first replicas (Dietterich 1998), and the interval of the difference of
    Agresti and Min (2005). Over seeds, where both models have `min_seeds`: the paired t-test of the accuracies; a
    permutation of five pairs cannot get below 1/16. Both with Holm's correction (1979) over all pairs that have it.
    """
    from statsmodels.stats.multitest import multipletests

    rows = [
        {"model": model, "other": other}
        | _on_images(right[model][0], right[other][0], confidence)
        | _over_seeds(right[model], right[other], confidence, min_seeds)
        for model, other in combinations(right, 2)
    ]
    for p in ("p", "seeds_p"):
        tested = [row for row in rows if row[p] is not None]
        corrected = multipletests([row[p] for row in tested], method="holm")[1] if tested else []
        for row, value in zip(tested, corrected, strict=True):
            row[p], row[f"{p}_holm"] = float(f"{row[p]:.3g}"), float(f"{value:.3g}")
    return rows


def _on_images(right: np.ndarray, other: np.ndarray, confidence: float) -> dict[str, Any]:
    """Difference in accuracy of two models on the same images, (n,) bool each, and McNemar's exact test."""
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.weightstats import DescrStatsW

    only, only_other = int((right & ~other).sum()), int((other & ~right).sum())
    same = len(right) - only - only_other
    # Agresti and Min: half an image more in each cell of the 2 x 2 table, so that no interval has the width zero.
    weighted = DescrStatsW([1, 0, -1], weights=[only + 0.5, same + 1, only_other + 0.5])
    low, high = weighted.zconfint_mean(alpha=1 - confidence)
    return {
        "difference": round((only - only_other) / len(right), DIGITS),
        "low": round(float(low), DIGITS),
        "high": round(float(high), DIGITS),
        "only_model_right": only,
        "only_other_right": only_other,
        "p": mcnemar([[0, only], [only_other, 0]], exact=True).pvalue,
        "p_holm": None,
    }


def _over_seeds(right: np.ndarray, other: np.ndarray, confidence: float, min_seeds: int) -> dict[str, Any]:
    """Mean difference in accuracy of two models, (replicas, n) bool each, over their common seeds, and the t-test."""
    from statsmodels.stats.weightstats import DescrStatsW

    seeds, images = min(len(right), len(other)), right.shape[1]
    more = right[:seeds].sum(axis=1) - other[:seeds].sum(axis=1)
    found = {"seeds": seeds} | dict.fromkeys(("seeds_difference", "seeds_low", "seeds_high", "seeds_p", "seeds_p_holm"))
    if seeds < min_seeds or np.ptp(more) == 0:  # the test divides by their spread
        return found
    found["seeds_difference"] = round(float(more.mean() / images), DIGITS)
    found["seeds_low"], found["seeds_high"] = mean_interval(more / images, confidence)
    return found | {"seeds_p": DescrStatsW(more).ttest_mean(0)[1]}


def not_told_apart(tested: Sequence[Mapping[str, Any]], model: str, confidence: float) -> list[str]:
    """The models that McNemar's test with Holm's correction does not tell from this one."""
    tied = [{row["model"], row["other"]} for row in tested if row["p_holm"] >= 1 - confidence]
    return [name for pair in tied if model in pair for name in pair - {model}]


def calibration(probabilities: np.ndarray, y: np.ndarray, bins: int) -> list[dict[str, Any]]:
    """A reliability diagram, (n, classes) probabilities, (n,) labels: a row per bin of equal width that has images.

    Confidence is the largest probability; a model is calibrated if in each bin its mean is the accuracy.
    """
    confidence, right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == y
    edges = np.linspace(0, 1, bins + 1)
    place = np.digitize(confidence, edges[1:-1], right=True)
    return [
        {
            "low": round(float(edges[bin_]), DIGITS),
            "high": round(float(edges[bin_ + 1]), DIGITS),
            "images": int(inside.sum()),
            "confidence": round(float(confidence[inside].mean()), DIGITS),
            "accuracy": round(float(right[inside].mean()), DIGITS),
        }
        for bin_ in range(bins)
        if (inside := place == bin_).any()
    ]


def ece(diagram: Sequence[Mapping[str, Any]]) -> float:
    """Expected calibration error in [0, 1]: mean gap of accuracy and confidence over images (Naeini et al. 2015)."""
    gaps = [abs(row["accuracy"] - row["confidence"]) for row in diagram]
    return round(float(np.average(gaps, weights=[row["images"] for row in diagram])), DIGITS)


def brier(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Brier's score (1950), in [0, 2]: mean squared distance of (n, classes) probabilities to the one-hot labels."""
    from sklearn.metrics import brier_score_loss

    labels = range(probabilities.shape[1])
    return round(float(brier_score_loss(y, probabilities, labels=labels, scale_by_half=False)), DIGITS)


def front(costs: Sequence[float], scores: Sequence[float]) -> list[bool]:
    """Pareto's front: whether no other has at most this cost and at least this score, and one of them better."""
    points = list(zip(costs, scores, strict=True))
    return [
        not any(cost <= own[0] and score >= own[1] and (cost, score) != own for cost, score in points) for own in points
    ]
