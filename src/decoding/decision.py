"""Which garments each label stands for, by known images or else by predicted garments, and how sure that is."""

import numpy as np

from src.decoding.assignment import best_mapping
from src.decoding.counts import contingency, coverage, crosstab, fitting_mappings
from src.decoding.mapping import UNDECIDED, certify, claim, count_check, evidence, exceptions
from src.decoding.records import Decoding, LabelCount, Names, SplitLabels
from src.decoding.wording import in_words


def decide(
    splits: dict[str, SplitLabels],
    names: Names,
    public_counts: dict[str, np.ndarray],
    predicted: np.ndarray | None,
    *,
    min_share: float,
    min_agreement: float,
    confidence: float,
) -> Decoding:
    """What each label stands for, with the evidence and every exception.

    Known images of train, val and test decide; where they decide nothing, garments `predicted` for the test images,
    (n,), do. public_counts: {"training", "test": (garments,) public images of each garment}, empty without public data.
    `certified`: every image is known, every garment is claimed, and each label has the number of images that its
    garments have in the public data. Raises UserError where a split contradicts the mapping (`certify`).
    """
    labels, garments = names
    tables = {split: contingency(part.garments, part.y, len(garments), len(labels)) for split, part in splits.items()}
    total = np.sum(list(tables.values()), axis=0)
    mapping, weighed = claim(total, min_share, confidence), None
    certify(tables, mapping, labels, garments, min_share, confidence)
    counts = {split: np.bincount(part.y, minlength=len(labels)) for split, part in splits.items()}
    if predicted is not None and (mapping == UNDECIDED).all():
        table = crosstab(predicted, splits["test"].y, len(garments), len(labels))
        weighed = best_mapping(table, counts["test"], min_agreement, confidence)
        mapping = weighed.best if weighed and not weighed.doubts else mapping
    given = {"training": counts["train"] + counts["val"], "test": counts["test"]}
    checks = {
        part: count_check(given[part], public_counts[part], mapping, labels, confidence) for part in public_counts
    }
    wrong = exceptions(splits, mapping, labels, garments)
    return {
        "certified": bool(garments) and certified(splits, mapping, checks),
        "decoding": evidence(total, mapping, labels, garments, confidence),
        "undecided": [name for name, label in zip(garments, mapping, strict=True) if label == UNDECIDED],
        "known": {split: coverage(part.garments) for split, part in splits.items()},
        "count_check": checks,
        "exceptions": {"total": len(wrong), "listed": wrong},
        "mappings_that_fit_the_counts": fitting_mappings(counts["test"], len(garments)),
        "prediction": weighed and in_words(weighed, labels, garments),
    }


def certified(splits: dict[str, SplitLabels], mapping: np.ndarray, checks: dict[str, dict[str, LabelCount]]) -> bool:
    """Whether every image is known, every garment has a label, and every count of a label agrees."""
    all_known = all((part.garments >= 0).all() for part in splits.values())
    agree = all(count["agrees"] for by_label in checks.values() for count in by_label.values())
    return all_known and agree and UNDECIDED not in mapping
