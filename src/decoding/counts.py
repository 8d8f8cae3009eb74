"""What counting says of labels and garments: tables of both, shares with their intervals, how many decodings fit."""

from math import factorial, prod
from typing import Any

import numpy as np

from src.images.store import AMBIGUOUS, GARMENTS, UNKNOWN

# (n,) each. y: the label's number; garments: the garment's, AMBIGUOUS or UNKNOWN; names: what the images go by.
Split = dict[str, np.ndarray]


def contingency(split: Split, labels: int, garments: int) -> np.ndarray:
    """Known images by garment and label: (garments, labels) int64."""
    known = split["garments"] >= 0
    return cross(split["garments"][known], split["y"][known], garments, labels)


def cross(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """How often each pair occurs in two (n,) arrays of ints: (height, width) int64."""
    table = np.zeros((height, width), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return table


def by_garment(table: np.ndarray, labels: list[str], names: list[str]) -> dict[str, dict[str, int]]:
    """A (garments, labels) table as {garment: {label: images}}, without zeros."""
    rows = zip(names, table.tolist(), strict=True)
    return {name: {label: n for label, n in zip(labels, row, strict=True) if n} for name, row in rows}


def coverage(garments: np.ndarray) -> dict[str, int]:
    """How many images there are, are known, match garments that differ, and match none."""
    return {
        "images": len(garments),
        "known": int((garments >= 0).sum()),
        "ambiguous": int((garments == AMBIGUOUS).sum()),
        "unknown": int((garments == UNKNOWN).sum()),
    }


def proportion(part: int, images: int, confidence: float) -> dict[str, Any]:
    """The share of `part` in `images` and its Clopper-Pearson interval [low, high]; of no images None and [0, 1]."""
    from scipy.stats import binomtest

    if not images:
        return {"images": 0, "share": None, "interval": [0.0, 1.0]}
    found = binomtest(part, images).proportion_ci(confidence, method="exact")
    return {"images": images, "share": part / images, "interval": [found.low, found.high]}


def fitting_mappings(y: np.ndarray, labels: int, garments: int) -> int | None:
    """How many ways there are to deal out equally frequent garments so that every label has its number of images.

    y: (n,) ints 0..labels-1. None where a label's count is no multiple of one garment's; 0 garments are taken for ten.
    """
    counts = np.bincount(y, minlength=labels)
    garments = garments or len(GARMENTS)
    each, rest = divmod(int(counts.sum()), garments)
    if rest or not each or (counts % each).any():
        return None
    return factorial(garments) // prod(factorial(int(count) // each) for count in counts)
