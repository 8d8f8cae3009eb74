"""What counting says of labels and garments: tables of both, the check of a decoding, how many decodings fit."""

from math import factorial, prod
from typing import Any

import numpy as np

from src.data import GARMENTS
from src.prepare import AMBIGUOUS, UNKNOWN

Split = dict[str, np.ndarray]  # y (n,): the label's number; garments (n,): the garment's, AMBIGUOUS or UNKNOWN


def contingency(split: Split, labels: int, garments: int) -> np.ndarray:
    """Known images by garment and label: (garments, labels) int64."""
    known = split["garments"] >= 0
    return cross(split["garments"][known], split["y"][known], garments, labels)


def cross(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """How often each pair occurs in two (n,) arrays of ints: (height, width) int64."""
    table = np.zeros((height, width), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return table


def coverage(garments: np.ndarray) -> dict[str, int]:
    """How many images there are, are known, match garments that differ, and match none."""
    return {
        "images": len(garments),
        "known": int((garments >= 0).sum()),
        "ambiguous": int((garments == AMBIGUOUS).sum()),
        "unknown": int((garments == UNKNOWN).sum()),
    }


def count_check(
    splits: dict[str, Split],
    tables: dict[str, np.ndarray],
    decoding: dict[str, Any],
    labels: list[str],
    names: list[str],
) -> dict[str, dict[str, dict[str, Any]]]:
    """For each split and label: the images counted, those expected of the garments claimed, and whether they agree."""
    check: dict[str, dict[str, dict[str, Any]]] = {}
    for split, table in tables.items():
        counted = np.bincount(splits[split]["y"], minlength=len(labels)).tolist()
        of_garment = dict(zip(names, table.sum(axis=1).tolist(), strict=True))
        check[split] = {}
        for label, images in zip(labels, counted, strict=True):
            expected = sum(of_garment[name] for name in decoding[label]["garments"])
            check[split][label] = {"images": images, "expected": expected, "agrees": images == expected}
    return check


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
