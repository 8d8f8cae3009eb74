"""The mapping of garments to labels that known images show, what contradicts it, and how the label counts check it.

A mapping gives each garment the number of its label, UNDECIDED without one: (garments,) int64. Tables are counts of
known images, (garments, labels).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from src.decoding.counts import clopper_pearson
from src.decoding.records import LabelCount, LabelEvidence, LabelException, SplitLabels
from src.pipeline.files import UserError

UNDECIDED = -1


def claim(table: np.ndarray, min_share: float, confidence: float) -> np.ndarray:
    """The mapping that a table shows.

    A garment gets the label that at least `min_share` of its images bear. It gets none while the interval of that share
    reaches down to one half: a handful of images is no evidence.
    """
    mapping = np.full(len(table), UNDECIDED)
    for garment, row in enumerate(table):
        proportion = clopper_pearson(int(row.max()), int(row.sum()), confidence)
        if proportion["interval"][0] > 0.5 and (proportion["share"] or 0) >= min_share:
            mapping[garment] = row.argmax()
    return mapping


def label_transfers(table: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Images by their garment's label and the label they bear, undecided garments left out: (labels, labels) int64."""
    return np.array([table[mapping == label].sum(axis=0) for label in range(table.shape[1])])


def count_check(
    label_counts: np.ndarray, garment_counts: np.ndarray, mapping: np.ndarray, labels: Sequence[str], confidence: float
) -> dict[str, LabelCount]:
    """For each label, its number of images beside the number that its garments have in the public data.

    label_counts: (labels,) of the images given; garment_counts: (garments,) of the public training or test set, which
    owe nothing to the mapping. All public images have exactly the expected counts; fewer images are taken for a sample
    without replacement, and the bounds are hypergeometric, at `confidence` for all labels together (Bonferroni).
    """
    from scipy.stats import hypergeom

    public = int(garment_counts.sum())
    drawn = min(int(label_counts.sum()), public)  # more images than there are public ones: some count is too high
    in_public = np.array([garment_counts[mapping == number].sum() for number in range(len(labels))])
    tail = (1 - confidence) / len(labels) / 2
    low, high = hypergeom.ppf([[tail], [1 - tail]], public, in_public, drawn)
    return {
        label: {
            "images": int(count),
            "expected": round(float(drawn * in_public[number] / public), 1),
            "low": int(low[number]),
            "high": int(high[number]),
            "agrees": bool(low[number] <= count <= high[number]),
        }
        for number, (label, count) in enumerate(zip(labels, label_counts, strict=True))
    }


def certify(
    tables: Mapping[str, np.ndarray],
    mapping: np.ndarray,
    labels: Sequence[str],
    names: Sequence[str],
    min_share: float,
    confidence: float,
) -> None:
    """Raises UserError where the table of a split contradicts the mapping.

    It does where the interval of the share of a garment's images that bear its label lies below `min_share`: the others
    are too many to be exceptions. Labels flipped at random, clearly fewer than 1 - `min_share`, do not contradict.
    """
    for split, table in tables.items():
        for garment in np.flatnonzero(mapping != UNDECIDED).tolist():
            row, label = table[garment], int(mapping[garment])
            if clopper_pearson(int(row[label]), int(row.sum()), confidence)["interval"][1] < min_share:
                raise UserError(
                    f"Label {labels[label]} is claimed for {names[garment]} over all splits, but in {split} only "
                    f"{row[label]:,} of {row.sum():,} images bear it; decode.min_share asks for {min_share:.0%}. "
                    "Check that images and labels are in the same order."
                )


def exceptions(
    splits: Mapping[str, SplitLabels], mapping: np.ndarray, labels: Sequence[str], names: Sequence[str]
) -> list[LabelException]:
    """Every image that bears another label than its garment's."""
    by_garment = np.append(mapping, [UNDECIDED, UNDECIDED])  # where AMBIGUOUS and UNKNOWN, -2 and -1, point to
    listed: list[LabelException] = []
    for split, (y, garments, ids) in splits.items():
        expected = by_garment[garments]
        for row in np.flatnonzero((expected != UNDECIDED) & (expected != y)).tolist():
            garment, label = names[garments[row]], labels[y[row]]
            listed.append({"image": ids[row], "split": split, "garment": garment, "label": label})
    return listed


def evidence(
    table: np.ndarray, mapping: np.ndarray, labels: Sequence[str], names: Sequence[str], confidence: float
) -> dict[str, LabelEvidence]:
    """For each label: its garments, its purity, and of each garment the share of its known images that bear the label.

    Purity is the share of the known images with that label, of garments decided, that are of the label's garments.
    """
    moved = label_transfers(table, mapping)
    by_label: dict[str, LabelEvidence] = {}
    for number, label in enumerate(labels):
        garments = np.flatnonzero(mapping == number).tolist()
        shares = {
            names[garment]: clopper_pearson(int(table[garment, number]), int(table[garment].sum()), confidence)
            for garment in garments
        }
        purity = clopper_pearson(int(moved[number, number]), int(moved[:, number].sum()), confidence)
        by_label[label] = {"garments": list(shares), "purity": purity, "evidence": shares}
    return by_label
