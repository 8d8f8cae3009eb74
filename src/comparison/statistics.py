"""Statistics of a comparison: intervals, tests of pairs of models, and the Pareto front.

Nothing here chooses a model: tests on test images only say which models differ.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple, TypedDict

import numpy as np

DIGITS = 6  # of what is written: more would differ between machines
SMALLEST_P = 1e-300  # what is written for a p-value below it, as floats end there


class Pair(TypedDict):
    """A row of pairs.csv: what distinguishes two models on the test images, model_a's accuracy minus model_b's."""

    model_a: str
    model_b: str
    difference: float
    ci_low: float
    ci_high: float
    n_only_a_correct: int
    n_only_b_correct: int
    mcnemar_p: float
    mcnemar_p_holm: float
    n_seeds: int
    seeds_difference: float | None
    seeds_ci_low: float | None
    seeds_ci_high: float | None
    ttest_p: float | None
    ttest_p_holm: float | None
    verdict: Literal["different", "equivalent", "undecided"]


class _Test(NamedTuple):
    """A tested difference in accuracy: simultaneous interval, interval of the equivalence test, p-value."""

    difference: float
    ci: tuple[float, float]
    equivalence_ci: tuple[float, float]
    p: float


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


def compare_pairs(correct: Mapping[str, np.ndarray], *, confidence: float, min_seeds: int, margin: float) -> list[Pair]:
    """Every pair of models, tested on the same images and over the same seeds.

    correct: {model: (seeds, n) bool, whether each image was classified correctly}; the i-th rows have the same seed.
    On images: McNemar's exact test of the first seeds (Dietterich 1998), and the interval of Agresti and Min (2005).
    Over seeds, where both models have `min_seeds`: the paired t-test of the accuracies; a permutation test of five
    pairs cannot get below 1/16. The p-values have Holm's correction (1979) over all pairs, the intervals Bonferroni's.
    Verdict, over seeds where they are tested, else on images: "different" if the corrected p is below 1 - confidence,
    else "equivalent" if two one-sided tests at that level each bound the difference by `margin`, else "undecided".
    """
    alpha, models = 1 - confidence, list(combinations(correct, 2))
    with_seeds = [min(len(correct[a]), len(correct[b])) >= min_seeds for a, b in models]
    on_images = [_on_images(correct[a][0], correct[b][0], alpha, len(models)) for a, b in models]
    over_seeds = [
        _over_seeds(correct[a], correct[b], alpha, sum(with_seeds)) if tested else None
        for (a, b), tested in zip(models, with_seeds, strict=True)
    ]
    mcnemar_holm = _holm([test.p for test in on_images])
    ttest_holm = iter(_holm([test.p for test in over_seeds if test]))
    rows: list[Pair] = []
    for (a, b), images, seeds, images_p in zip(models, on_images, over_seeds, mcnemar_holm, strict=True):
        seeds_p = next(ttest_holm) if seeds else None
        leading, p = (images, images_p) if seeds is None or seeds_p is None else (seeds, seeds_p)
        equivalent = -margin < leading.equivalence_ci[0] and leading.equivalence_ci[1] < margin
        rows.append(
            {
                "model_a": a,
                "model_b": b,
                "difference": images.difference,
                "ci_low": images.ci[0],
                "ci_high": images.ci[1],
                "n_only_a_correct": int((correct[a][0] & ~correct[b][0]).sum()),
                "n_only_b_correct": int((correct[b][0] & ~correct[a][0]).sum()),
                "mcnemar_p": _written(images.p),
                "mcnemar_p_holm": _written(images_p),
                "n_seeds": min(len(correct[a]), len(correct[b])),
                "seeds_difference": seeds.difference if seeds else None,
                "seeds_ci_low": seeds.ci[0] if seeds else None,
                "seeds_ci_high": seeds.ci[1] if seeds else None,
                "ttest_p": _written(seeds.p) if seeds else None,
                "ttest_p_holm": None if seeds_p is None else _written(seeds_p),
                "verdict": "different" if p < alpha else "equivalent" if equivalent else "undecided",
            }
        )
    return rows


def tied_with(pairs: Sequence[Pair], model: str) -> list[str]:
    """The models that are not shown to differ from this one."""
    tied = [(pair["model_a"], pair["model_b"]) for pair in pairs if pair["verdict"] != "different"]
    return [b if a == model else a for a, b in tied if model in (a, b)]


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[bool]:
    """Whether no other point has at most this cost and at least this score, one of them better."""
    points = list(zip(costs, scores, strict=True))
    return [
        not any(cost <= point[0] and score >= point[1] and (cost, score) != point for cost, score in points)
        for point in points
    ]


def _on_images(correct_a: np.ndarray, correct_b: np.ndarray, alpha: float, n_tests: int) -> _Test:
    """McNemar's exact test of two models on the same images, (n,) bool each."""
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.weightstats import DescrStatsW

    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    both_or_none = len(correct_a) - only_a - only_b
    # Agresti and Min: half an image more in each cell of the 2 x 2 table, so that no interval has the width zero.
    weighted = DescrStatsW([1, 0, -1], weights=[only_a + 0.5, both_or_none + 1, only_b + 0.5])
    return _Test(
        difference=round((only_a - only_b) / len(correct_a), DIGITS),
        ci=_rounded(weighted.zconfint_mean(alpha=alpha / n_tests)),
        equivalence_ci=_rounded(weighted.zconfint_mean(alpha=2 * alpha)),
        p=float(mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue),
    )


def _over_seeds(correct_a: np.ndarray, correct_b: np.ndarray, alpha: float, n_tests: int) -> _Test | None:
    """The paired t-test of two models' accuracies, (seeds, n) bool, over their common seeds; None if all are equal."""
    from statsmodels.stats.weightstats import DescrStatsW

    seeds, n = min(len(correct_a), len(correct_b)), correct_a.shape[1]
    more = correct_a[:seeds].sum(axis=1) - correct_b[:seeds].sum(axis=1)
    if np.ptp(more) == 0:  # the test divides by their spread
        return None
    return _Test(
        difference=round(float(more.mean() / n), DIGITS),
        ci=t_interval(more / n, 1 - alpha / n_tests),
        equivalence_ci=t_interval(more / n, 1 - 2 * alpha),
        p=float(DescrStatsW(more).ttest_mean(0)[1]),
    )


def _holm(p: list[float]) -> list[float]:
    """Holm's correction of p-values."""
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(p, method="holm")[1]] if p else []


def _rounded(interval: tuple[float, float]) -> tuple[float, float]:
    """Both ends as they are written."""
    return round(float(interval[0]), DIGITS), round(float(interval[1]), DIGITS)


def _written(p: float) -> float:
    """A p-value to three digits, never zero."""
    return float(f"{max(p, SMALLEST_P):.3g}")
