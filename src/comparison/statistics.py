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


def crossed_interval(correct: np.ndarray, confidence: float) -> tuple[float, float]:
    """An interval of the accuracy over other seeds and other images, from (seeds, images) bool, two seeds or more.

    Every seed sees the same images: the variance of the mean is that of the seeds' accuracies over their number, plus
    that of the images' over theirs, minus what both contain (Owen, 2007, The pigeonhole bootstrap). Student's t with
    Satterthwaite's degrees of freedom. Ends lie in [0, 1].
    """
    from scipy import stats

    n_seeds, n_images = correct.shape
    by_seed, by_image, center = correct.mean(axis=1), correct.mean(axis=0), correct.mean()
    noise = correct - by_seed[:, None] - by_image + center
    seeds, images = by_seed.var(ddof=1) / n_seeds, by_image.var(ddof=1) / n_images
    both = (noise**2).sum() / ((n_seeds - 1) * (n_images - 1)) / correct.size
    variance = max(seeds + images - both, seeds, images)
    if variance == 0:
        return round(float(center), DIGITS), round(float(center), DIGITS)
    freedom = (seeds + images) ** 2 / (seeds**2 / (n_seeds - 1) + images**2 / (n_images - 1))
    half = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variance)
    return round(float(max(center - half, 0)), DIGITS), round(float(min(center + half, 1)), DIGITS)


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
