"""The certificate of a mapping: each label has the images of its garments, save a few exceptions, which are listed.

A mapping gives each garment the number of its label, UNDECIDED without one: (garments,) int64.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.decoding.counts import Split, proportion
from src.pipeline.files import UserError

UNDECIDED = -1


def claim(table: np.ndarray, min_share: float, confidence: float) -> np.ndarray:
    """The mapping that (garments, labels) counts of images show.

    A garment gets the label that at least `min_share` of its images bear. It gets none while the interval of that share
    reaches down to one half: a handful of images is no evidence.
    """
    mapping = np.full(len(table), UNDECIDED)
    for garment, row in enumerate(table):
        found = proportion(int(row.max()), int(row.sum()), confidence)
        if found["interval"][0] > 0.5 and found["share"] >= min_share:
            mapping[garment] = row.argmax()
    return mapping


def ledger(table: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Images by their garment's label and the label they bear, undecided garments left out: (labels, labels) int64."""
    return np.array([table[mapping == label].sum(axis=0) for label in range(table.shape[1])])


def count_check(y: np.ndarray, table: np.ndarray, mapping: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """For each label of a split: the images that bear it beside those expected, which are the ones of its garments.

    `lost` are the exceptions that bear another label, `gained` those of other labels' garments that bear this one.
    `agrees`: images = expected - lost + gained; no image is unknown, ambiguous or of an undecided garment.
    """
    moved = ledger(table, mapping)
    kept, expected = moved.diagonal(), moved.sum(axis=1)
    columns = {
        "images": np.bincount(y, minlength=len(labels)),
        "expected": expected,
        "lost": expected - kept,
        "gained": moved.sum(axis=0) - kept,
    }
    agrees = (columns["images"] == expected - columns["lost"] + columns["gained"]).tolist()
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return {
        label: dict(zip(columns, row, strict=True)) | {"agrees": fits}
        for label, row, fits in zip(labels, rows, agrees, strict=True)
    }


def certify(
    tables: Mapping[str, np.ndarray],
    mapping: np.ndarray,
    labels: Sequence[str],
    names: Sequence[str],
    min_share: float,
    confidence: float,
) -> None:
    """Raises UserError where the counts of a split, (garments, labels), contradict the mapping.

    They do where the interval of the share of a garment's images that bear its label lies below `min_share`: the others
    are too many to be exceptions. Labels flipped at random, clearly fewer than 1 - `min_share`, do not contradict.
    """
    for split, table in tables.items():
        for garment in np.flatnonzero(mapping != UNDECIDED).tolist():
            row, label = table[garment], int(mapping[garment])
            found = proportion(int(row[label]), int(row.sum()), confidence)
            if found["interval"][1] < min_share:
                raise UserError(
                    f"{names[garment]} has label {labels[label]} in all splits together; so must at least "
                    f"{min_share:.0%} of those in {split} (decode.min_share). Got {row[label]:,} of {row.sum():,}. "
                    "Check that images and labels are in the same order."
                )


def exceptions(
    splits: Mapping[str, Split], mapping: np.ndarray, labels: Sequence[str], names: Sequence[str], listed: int
) -> dict[str, Any]:
    """Images that bear another label than their garment's: how many, and the first, by their names."""
    of_image = np.append(mapping, [UNDECIDED, UNDECIDED])  # where AMBIGUOUS and UNKNOWN, -2 and -1, point to
    found = []
    for split, arrays in splits.items():
        claimed = of_image[arrays["garments"]]
        for row in np.flatnonzero((claimed != UNDECIDED) & (claimed != arrays["y"])).tolist():
            garment, label = names[arrays["garments"][row]], labels[arrays["y"][row]]
            found.append({"image": str(arrays["names"][row]), "split": split, "garment": garment, "label": label})
    return {"total": len(found), "listed": found[:listed]}


def evidence(
    table: np.ndarray, mapping: np.ndarray, labels: list[str], names: list[str], confidence: float
) -> dict[str, Any]:
    """For each label: its garments, its purity, and of each garment the share of its known images that bear the label.

    Purity is the share of the known images with that label, of garments decided, that are of the label's garments.
    """
    moved = ledger(table, mapping)
    return {
        label: {
            "garments": [names[garment] for garment in np.flatnonzero(mapping == i)],
            "purity": proportion(int(moved[i, i]), int(moved[:, i].sum()), confidence),
            "evidence": {
                names[garment]: proportion(int(table[garment, i]), int(table[garment].sum()), confidence)
                for garment in np.flatnonzero(mapping == i)
            },
        }
        for i, label in enumerate(labels)
    }
