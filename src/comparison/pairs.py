"""Pairs of models: which differ, and which are equivalent.

Nothing here chooses a model: tests on test images only say which models differ.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.statistics import DIGITS, holm, t_interval

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
    """A tested difference in accuracy: its interval, that of the equivalence test, p, and p corrected by Holm."""

    difference: float
    ci: tuple[float, float]
    equivalence_ci: tuple[float, float]
    p: float
    p_holm: float = 1.0


def compare_pairs(correct: Mapping[str, np.ndarray], *, confidence: float, min_seeds: int, margin: float) -> list[Pair]:
    """Every pair of models, tested on the same images and over the same seeds.

    correct: {model: (seeds, n) bool, whether each image was classified correctly}; the i-th rows have the same seed.
    On images: McNemar's exact test of the first seeds (Dietterich 1998), and the interval of Agresti and Min (2005).
    Over seeds, where both models have `min_seeds`: the paired t-test of the accuracies; a permutation test of five
    pairs cannot get below 1/16. The p-values have Holm's correction over all pairs given that
    test, the intervals Bonferroni's.
    Verdict, over seeds where they are tested, else on images: "different" if the corrected p is below 1 - confidence,
    else "equivalent" if two one-sided tests at that level each bound the difference by `margin`, else "undecided".
    """
    alpha, models = 1 - confidence, list(combinations(correct, 2))
    on_images = _corrected([_on_images(correct[a][0], correct[b][0], alpha, len(models)) for a, b in models])
    common = {(a, b): min(len(correct[a]), len(correct[b])) for a, b in models}
    repeated = [pair for pair in models if common[pair] >= min_seeds and np.ptp(_differences(correct, *pair)) > 0]
    tested = _corrected([_over_seeds(_differences(correct, *pair), alpha, len(repeated)) for pair in repeated])
    over_seeds = dict(zip(repeated, tested, strict=True))
    rows: list[Pair] = []
    for (a, b), images in zip(models, on_images, strict=True):
        seeds = over_seeds.get((a, b))
        rows.append(
            {
                "model_a": a,
                "model_b": b,
                "difference": images.difference,
                "ci_low": images.ci[0],
                "ci_high": images.ci[1],
                "n_only_a_correct": int((correct[a][0] & ~correct[b][0]).sum()),
                "n_only_b_correct": int((correct[b][0] & ~correct[a][0]).sum()),
                "mcnemar_p": round_p(images.p),
                "mcnemar_p_holm": round_p(images.p_holm),
                "n_seeds": common[a, b],
                "seeds_difference": seeds.difference if seeds else None,
                "seeds_ci_low": seeds.ci[0] if seeds else None,
                "seeds_ci_high": seeds.ci[1] if seeds else None,
                "ttest_p": round_p(seeds.p) if seeds else None,
                "ttest_p_holm": round_p(seeds.p_holm) if seeds else None,
                "verdict": _verdict(seeds or images, alpha, margin),
            }
        )
    return rows


def tied_with(pairs: Sequence[Pair], model: str) -> list[str]:
    """The models that are not shown to differ from this one."""
    tied = [(pair["model_a"], pair["model_b"]) for pair in pairs if pair["verdict"] != "different"]
    return [b if a == model else a for a, b in tied if model in (a, b)]


def _verdict(test: _Test, alpha: float, margin: float) -> Literal["different", "equivalent", "undecided"]:
    """What a test says of two models."""
    if test.p_holm < alpha:
        return "different"
    low, high = test.equivalence_ci
    return "equivalent" if -margin < low and high < margin else "undecided"


def _corrected(tests: Sequence[_Test]) -> list[_Test]:
    """The tests with Holm's correction for their number."""
    corrected = holm([test.p for test in tests])
    return [test._replace(p_holm=p) for test, p in zip(tests, corrected, strict=True)]


def _differences(correct: Mapping[str, np.ndarray], a: str, b: str) -> np.ndarray:
    """Accuracy of a minus that of b, (seeds,), for the seeds that both have."""
    seeds = min(len(correct[a]), len(correct[b]))
    images: np.ndarray = correct[a][:seeds].sum(axis=1) - correct[b][:seeds].sum(axis=1)
    return images / correct[a].shape[1]


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


def _over_seeds(differences: np.ndarray, alpha: float, n_tests: int) -> _Test:
    """The paired t-test of two models' accuracies: (seeds,) differences that are not all equal."""
    from statsmodels.stats.weightstats import DescrStatsW

    return _Test(
        difference=round(float(differences.mean()), DIGITS),
        ci=t_interval(differences, 1 - alpha / n_tests),
        equivalence_ci=t_interval(differences, 1 - 2 * alpha),
        p=float(DescrStatsW(differences).ttest_mean(0)[1]),
    )


def _rounded(interval: tuple[float, float]) -> tuple[float, float]:
    """Both ends as they are written."""
    return round(float(interval[0]), DIGITS), round(float(interval[1]), DIGITS)


def round_p(p: float) -> float:
    """A p-value to three digits, never zero."""
    return float(f"{max(p, SMALLEST_P):.3g}")
