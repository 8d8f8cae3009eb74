"""The mapping of garments to labels that images show, its evidence, and the images that contradict it.

A mapping gives each garment the number of its label, UNDECIDED without one: (garments,) int64. Tables are counts of
images, (garments, labels).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from src.decoding.counts import clopper_pearson
from src.decoding.likelihood import Explanation, explain
from src.decoding.records import Claims, GarmentEvidence, LabelEvidence, LabelException, SplitLabels

UNDECIDED = -1


def claim(tables: Mapping[str, np.ndarray], labels: Sequence[str], least_noise: float, confidence: float) -> Claims:
    """The mapping that the tables, of training and of test images, show together.

    A garment gets the label that explains its images better than anything else does, by a likelihood ratio that wrong
    labels reach with probability 1 - `confidence` at most, all garments together and the noise as estimated (Markov's
    inequality and Bonferroni's). It gets none where the tables, each on its own, show different labels.
    """
    total = np.sum(list(tables.values()), axis=0)
    level = float(np.log(max(total.size, 1) / (1 - confidence)))
    explanation = explain(total, least_noise)
    mapping = np.where(explanation.margin >= level, explanation.labels[:, 0], UNDECIDED)
    alone = {part: explain(table, least_noise) for part, table in tables.items()}
    reasons = {}
    for garment, images in enumerate(total.sum(axis=1).tolist()):
        clear = {part: int(own.labels[garment, 0]) for part, own in alone.items() if own.margin[garment] >= level}
        if len(set(clear.values())) > 1:
            mapping[garment] = UNDECIDED
            reasons[garment] = ", ".join(f"label {labels[label]} in {part}" for part, label in clear.items())
        elif mapping[garment] == UNDECIDED:
            reasons[garment] = why_undecided(explanation, garment, labels, level) if images else "no image is known"
    return Claims(mapping, explanation.labels[:, 0], explanation.margin, reasons)


def why_undecided(explanation: Explanation, garment: int, labels: Sequence[str], level: float) -> str:
    """Why a garment has no label, in words; level: of the likelihood ratio's logarithm, for a claim."""
    first, second = (labels[label] for label in explanation.labels[garment])
    if explanation.margin[garment] > -level:
        return "the evidence is too weak"
    if explanation.two[garment] > -level:
        return f"split between labels {first} and {second}"
    return "each label as often as among all images"


def label_transfers(table: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Images by their garment's label and the label they bear, undecided garments left out: (labels, labels)."""
    return np.array([table[mapping == label].sum(axis=0) for label in range(table.shape[1])])


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
            listed.append(
                {
                    "image": ids[row],
                    "split": split,
                    "garment": garment,
                    "label": label,
                    "expected": labels[expected[row]],
                }
            )
    return listed


def evidence(
    table: np.ndarray, claims: Claims, labels: Sequence[str], names: Sequence[str], confidence: float
) -> dict[str, LabelEvidence]:
    """For each label: its garments, its purity, and what the images of each of these garments bear.

    Purity is the share of the images with that label, of garments decided, that are of the label's garments.
    """
    moved = label_transfers(table, claims.mapping)
    by_label: dict[str, LabelEvidence] = {}
    for number, label in enumerate(labels):
        by_garment: dict[str, GarmentEvidence] = {}
        for garment in np.flatnonzero(claims.mapping == number).tolist():
            row = table[garment]
            others = np.where(np.arange(len(labels)) == number, -1, row)
            by_garment[names[garment]] = {
                **clopper_pearson(int(row[number]), int(row.sum()), confidence),
                "next_label": labels[int(others.argmax())],
                "next_share": float(others.max() / row.sum()),
                "log10_ratio": float(claims.margin[garment] / np.log(10)),
            }
        purity = clopper_pearson(int(moved[number, number]), int(moved[:, number].sum()), confidence)
        by_label[label] = {"garments": list(by_garment), "purity": purity, "evidence": by_garment}
    return by_label
