"""Counts of images by garment and label, shares with their intervals, agreement, and mappings that fit counts."""

from math import factorial, prod

import numpy as np

from src.decoding.records import Coverage, Proportion
from src.images.store import AMBIGUOUS, GARMENTS, UNKNOWN


def contingency(garments: np.ndarray, groups: np.ndarray, n_garments: int, n_groups: int) -> np.ndarray:
    """Known images by garment and by group, such as their label: two (n,) int arrays -> (garments, groups) int64."""
    known = garments >= 0
    return crosstab(garments[known], groups[known], n_garments, n_groups)


def crosstab(rows: np.ndarray, columns: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """How often each pair of numbers occurs in two (n,) int arrays: (n_rows, n_columns) int64."""
    return np.bincount(rows * n_columns + columns, minlength=n_rows * n_columns).reshape(n_rows, n_columns)


def coverage(garments: np.ndarray) -> Coverage:
    """How many of the images, (n,) garments, are known, ambiguous and unknown."""
    return {
        "images": len(garments),
        "known": int((garments >= 0).sum()),
        "ambiguous": int((garments == AMBIGUOUS).sum()),
        "unknown": int((garments == UNKNOWN).sum()),
    }


def clopper_pearson(count: int, images: int, confidence: float) -> Proportion:
    """The share count / images with its Clopper-Pearson interval; None and [0, 1] without images."""
    from scipy.stats import binomtest

    if not images:
        return {"images": 0, "share": None, "interval": [0.0, 1.0]}
    low, high = binomtest(count, images).proportion_ci(confidence, method="exact")
    return {"images": images, "share": count / images, "interval": [float(low), float(high)]}


def cohen_kappa(table: np.ndarray) -> float | None:
    """Agreement beyond chance of two labels, from counts of images by both: (labels, labels) -> 1 at most.

    None where chance alone gives full agreement: without images, or with a single label.
    """
    total = table.sum()
    by_chance = (table.sum(axis=0) * table.sum(axis=1)).sum() / total**2 if total else 1
    return None if by_chance == 1 else float((table.trace() / total - by_chance) / (1 - by_chance))


def apportion(label_counts: np.ndarray, n_garments: int) -> np.ndarray:
    """How many of the equally frequent garments each label stands for: (labels,) counts of images -> (labels,) ints.

    By largest remainders (Hamilton's method): exact for multiples of a garment's images, close where noise moved them.
    """
    quota = label_counts * n_garments / label_counts.sum()
    sizes = quota.astype(np.int64)
    sizes[np.argsort(sizes - quota, kind="stable")[: n_garments - sizes.sum()]] += 1
    return sizes


def fitting_mappings(label_counts: np.ndarray, n_garments: int) -> int | None:
    """How many mappings of equally frequent garments give every label its number of images, (labels,) ints.

    None where a label's count is no multiple of a garment's. Without garments, ten are assumed.
    """
    n_garments = n_garments or len(GARMENTS)
    per_garment, rest = divmod(int(label_counts.sum()), n_garments)
    if rest or not per_garment or (label_counts % per_garment).any():
        return None
    return factorial(n_garments) // prod(factorial(int(count) // per_garment) for count in label_counts)
