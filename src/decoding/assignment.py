"""The mapping for labels of images that are not public: the best that fits the counts, weighed against the runner-up.

Tables are counts of images by predicted garment and label, (garments, labels); a mapping is (garments,) label numbers.
"""

import numpy as np

from src.decoding.counts import clopper_pearson
from src.decoding.records import MappingChoice


def apportion(label_counts: np.ndarray, n_garments: int) -> np.ndarray:
    """How many of the equally frequent garments each label stands for: (labels,) counts of images -> (labels,) ints.

    By largest remainders (Hamilton's method): exact for multiples of a garment's images, close where noise moved them.
    """
    quota = label_counts * n_garments / label_counts.sum()
    sizes = quota.astype(np.int64)
    sizes[np.argsort(sizes - quota, kind="stable")[: n_garments - sizes.sum()]] += 1
    return sizes


def assignment(table: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Of the mappings that give each label its number of garments, `sizes`, the one with which most images agree.

    The assignment problem, solved exactly. Where the table has -inf the mapping does not go.
    """
    from scipy.optimize import linear_sum_assignment

    labels = np.repeat(np.arange(len(sizes)), sizes)
    return labels[linear_sum_assignment(table[:, labels], maximize=True)[1]]


def runner_up(table: np.ndarray, sizes: np.ndarray, best: np.ndarray) -> np.ndarray:
    """The second-best mapping, where at least two labels have garments.

    Any other mapping differs from the best in some garment, so the second is the best of those in which one of the
    garments is forbidden its label (Murty 1968).
    """
    alternatives = []
    for garment, label in enumerate(best):
        allowed = table.astype(float)
        allowed[garment, label] = -np.inf
        alternatives.append(assignment(allowed, sizes))
    return max(alternatives, key=lambda mapping: matched(table, mapping).sum())


def matched(table: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Images of each garment that bear its label in the mapping: (garments,)."""
    return table[np.arange(len(table)), mapping]


def best_mapping(
    table: np.ndarray, label_counts: np.ndarray, min_agreement: float, confidence: float
) -> MappingChoice | None:
    """The best mapping that fits the counts, (labels,) images of each label, the runner-up, and doubts about the best.

    `agreement`: the share of all images that agree with the best. `contested`: of those that agree with one of the two
    only, the share that agree with the best; `margin`: how many more these are. No doubt is left where the interval of
    `contested` lies above one half (that is sampling noise, not a classifier's bias) and `agreement` is at least
    `min_agreement`: images of other things agree with no mapping. Counts that are no multiples of one garment's may
    confirm what most images of each garment say, not overrule it. None where a label has too few for one garment.
    """
    sizes = apportion(label_counts, len(table))
    if not sizes.all():
        return None
    best = assignment(table, sizes)
    second = runner_up(table, sizes, best)
    for_best, for_second = (int(matched(table, mapping)[best != second].sum()) for mapping in (best, second))
    agreement = clopper_pearson(int(matched(table, best).sum()), int(table.sum()), confidence)
    contested = clopper_pearson(for_best, for_best + for_second, confidence)
    exact = not (label_counts * len(table) % label_counts.sum()).any()
    doubts = {
        "the margin is within noise": contested["interval"][0] <= 0.5,
        f"less than {min_agreement:.0%} of the images agree": (agreement["share"] or 0) < min_agreement,
        "counts and images contradict": not exact and matched(table, best).sum() < table.max(axis=1).sum(),
    }
    reasons = [doubt for doubt, holds in doubts.items() if holds]
    return MappingChoice(best, second, agreement, for_best - for_second, contested, reasons)
