"""The certificate of a mapping, which a claim can stand without: all images known, few exceptions, and right counts.

Tables are counts of known images, (garments, labels); a mapping is (garments,) label numbers, UNDECIDED without one.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from src.decoding.mapping import UNDECIDED
from src.decoding.records import Coverage, LabelCount


def lacking(
    known: Mapping[str, Coverage],
    tables: Mapping[str, np.ndarray],
    mapping: np.ndarray,
    checks: Mapping[str, Mapping[str, LabelCount]],
    names: Sequence[str],
    min_share: float,
) -> list[str]:
    """What the certificate of a mapping lacks, in words; nothing where it is certified.

    It asks that every image is known, that every garment has a label, that at least `min_share` of its images bear it,
    in training and in test, and that each label has the number of images that `count_check` expects.
    """
    if not names:
        return ["there are no public images to compare with"]
    missing = []
    if unknown := sum(part["images"] - part["known"] for part in known.values()):
        missing.append(f"{unknown:,} images are not known")
    if without := [name for name, label in zip(names, mapping, strict=True) if label == UNDECIDED]:
        missing.append(f"{len(without)} of {len(names)} garments have no label")
    for part, table in tables.items():
        few = [
            name
            for name, row, label in zip(names, table, mapping, strict=True)
            if label != UNDECIDED and row[label] < min_share * row.sum()
        ]
        if few:
            missing.append(f"in {part} less than {min_share:.0%} of the images of {', '.join(few)} bear their label")
    agree = [row["agrees"] for by_label in checks.values() for row in by_label.values()]
    if not all(agree):
        missing.append(
            f"in {agree.count(False)} of {len(agree)} counts a label has more or fewer images than its garments have "
            "in the public data"
        )
    return missing


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
