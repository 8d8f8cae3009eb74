"""Statistics of a comparison: intervals, Holm's correction, and the Pareto front."""

from collections.abc import Sequence

import numpy as np

DIGITS = 6  # of what is written: more would differ between machines


def wilson_interval(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share of n images, in [0, 1]."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(round(share * n), n, alpha=1 - confidence, method="wilson")
    return round(float(low), DIGITS), round(float(high), DIGITS)


def t_interval(values: Sequence[float] | np.ndarray, confidence: float) -> tuple[float, float]:
    """Student's t interval of the mean of two or more values."""
    from statsmodels.stats.weightstats import DescrStatsW

    low, high = DescrStatsW(values).tconfint_mean(alpha=1 - confidence)
    return round(float(low), DIGITS), round(float(high), DIGITS)


def holm(p: list[float]) -> list[float]:
    """p-values with Holm's correction (1979) for their number."""
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(p, method="holm")[1]] if p else []


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[bool]:
    """Whether no other point has at most this cost and at least this score, one of them better."""
    points = list(zip(costs, scores, strict=True))
    return [
        not any(cost <= point[0] and score >= point[1] and (cost, score) != point for cost, score in points)
        for point in points
    ]
