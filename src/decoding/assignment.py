"""The mapping for labels without a public counterpart: the best that fits the counts, weighed against the runner-up.

Tables are counts of images by predicted garment and label, (garments, labels); a mapping is (garments,) label numbers.
"""

from typing import Any

import numpy as np

from src.decoding.counts import proportion


def places(counts: np.ndarray, garments: int) -> np.ndarray:
    """How many of the equally frequent garments each label stands for: (labels,) counts of images -> (labels,) ints.

    By largest remainders (Hamilton's method): exact for multiples of one garment's images, near where noise moved them.
    """
    quota = counts * garments / counts.sum()
    found = quota.astype(np.int64)
    found[np.argsort(found - quota, kind="stable")[: garments - found.sum()]] += 1
    return found


def assignment(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of the mappings that give each label its number of garments, the one that most images agree with.

    The assignment problem of garments and places, solved exactly. Where the table has -inf the mapping does not go.
    """
    from scipy.optimize import linear_sum_assignment

    labels = np.repeat(np.arange(len(places)), places)
    return labels[linear_sum_assignment(table[:, labels], maximize=True)[1]]


def runner_up(table: np.ndarray, places: np.ndarray, best: np.ndarray) -> np.ndarray:
    """The second-best mapping; at least two labels have places.

    Any other mapping differs from the best in some garment, so the second is the best of those found with one of the
    best's garments forbidden its label (Murty 1968).
    """
    others = []
    for garment, label in enumerate(best):
        allowed = table.astype(float)
        allowed[garment, label] = -np.inf
        others.append(assignment(allowed, places))
    return max(others, key=lambda mapping: agreeing(table, mapping).sum())


def agreeing(table: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Images of each garment that bear its label in the mapping: (garments,)."""
    return table[np.arange(len(table)), mapping]


def weigh(table: np.ndarray, counts: np.ndarray, min_agreement: float, confidence: float) -> dict[str, Any] | None:
    """The best mapping that fits the counts, (labels,) images of each label, the runner-up, and doubts about the best.

    `agreement`: the share of all images that agree with the best. `contested`: of those that agree with one of the two
    only, the share that agree with the best; `margin`: how many more these are. No doubt is left where the interval of
    `contested` lies above one half (that is sampling noise, not a classifier's bias) and `agreement` is at least
    `min_agreement`: images of other things agree with no mapping. Counts that are no multiples of one garment's may
    confirm what most images of each garment say, not overrule it. None where a label has too few for one garment.
    """
    fit = places(counts, len(table))
    if not fit.all():
        return None
    best = assignment(table, fit)
    second = runner_up(table, fit, best)
    for_best, for_second = (int(agreeing(table, mapping)[best != second].sum()) for mapping in (best, second))
    agreement = proportion(int(agreeing(table, best).sum()), int(table.sum()), confidence)
    contested = proportion(for_best, for_best + for_second, confidence)
    exact = not (counts * len(table) % counts.sum()).any()
    doubts = {
        "the margin is within noise": contested["interval"][0] <= 0.5,
        f"less than {min_agreement:.0%} of the images agree": agreement["share"] < min_agreement,
        "counts and images contradict": not exact and agreeing(table, best).sum() < table.max(axis=1).sum(),
    }
    return {
        "best": best,
        "runner_up": second,
        "agreement": agreement,
        "margin": for_best - for_second,
        "contested": contested,
        "doubts": [doubt for doubt, holds in doubts.items() if holds],
    }
