"""The ways to put garments into groups of given sizes, and what a network that knows the garments predicts of each."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

EPSILON = 1e-7  # Keras bounds probabilities by it before the logarithm
CONFIDENT = 0.5  # above it a garment's group is the most likely one in every grouping


def mappings(sizes: Sequence[int]) -> np.ndarray:
    """Every way to give each of the sum(sizes) garments a group, group i to sizes[i] of them: (n, garments) int8."""
    free = tuple(range(sum(sizes)))
    return np.array([_labels(groups) for groups in _fill(free, sizes)], np.int8)


def _fill(free: tuple[int, ...], sizes: Sequence[int]) -> Iterator[list[tuple[int, ...]]]:
    if not sizes:
        yield []
        return
    for group in combinations(free, sizes[0]):
        for rest in _fill(tuple(garment for garment in free if garment not in group), sizes[1:]):
            yield [group, *rest]


def _labels(groups: list[tuple[int, ...]]) -> list[int]:
    return [label for _, label in sorted((garment, label) for label, group in enumerate(groups) for garment in group)]


def canonical(labels: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Mappings (n, garments) with groups of one size renumbered in the order of their first garments.

    Two mappings that differ only in the names of groups of one size become the same.
    """
    renumbered = labels.copy()
    for size in set(sizes):
        groups = [group for group, other in enumerate(sizes) if other == size]
        first = np.stack([(labels == group).argmax(axis=1) for group in groups], axis=1)
        order = first.argsort(axis=1)
        for rank, group in enumerate(groups):
            old = np.take(groups, order[:, rank])
            renumbered[labels == old[:, None]] = group
    return renumbered


def groupings(sizes: Sequence[int]) -> np.ndarray:
    """The mappings that differ in more than the names of groups of one size: (n, garments) int8."""
    every = mappings(sizes)
    return every[(canonical(every, sizes) == every).all(axis=1)]


def curve_points(probabilities: np.ndarray, garments: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Accuracy and loss on labels that hide garments, of a network that gives each garment a probability.

    A label's probability is the sum of its garments'. probabilities: (images, garments), each row adds up to 1.
    garments: (images,) what the images show. labels: (n, garments) groupings. Returns (n, 2) float64: accuracy in
    [0, 1] and mean cross-entropy.
    """
    groups = [[tuple(np.flatnonzero(row == label).tolist()) for label in range(row.max() + 1)] for row in labels]
    subsets = sorted({group for row in groups for group in row})
    index = {subset: number for number, subset in enumerate(subsets)}
    columns = np.array([[index[group] for group in row] for row in groups])
    sums = np.stack([probabilities[:, subset].sum(axis=1) for subset in subsets])
    right = _accuracies(probabilities, sums, garments, labels, columns)
    losses = _losses(sums, garments, subsets)[columns].sum(axis=1)
    return np.stack([right, losses], axis=1) / len(garments)


def _losses(sums: np.ndarray, garments: np.ndarray, subsets: Sequence[tuple[int, ...]]) -> np.ndarray:
    """For each subset of the garments, the summed cross-entropy of the images that show one of them."""
    logs = -np.log(np.clip(sums, EPSILON, 1 - EPSILON))
    return np.array([row[np.isin(garments, subset)].sum() for row, subset in zip(logs, subsets, strict=True)])


def _accuracies(
    probabilities: np.ndarray, sums: np.ndarray, garments: np.ndarray, labels: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """How many images each grouping gets right: confident predictions are counted by pairs, the others one by one."""
    likeliest, confident = probabilities.argmax(axis=1), probabilities.max(axis=1) > CONFIDENT
    n_garments = probabilities.shape[1]
    pairs = np.zeros((n_garments, n_garments))
    np.add.at(pairs, (garments[confident], likeliest[confident]), 1)
    right = np.array([pairs[row[:, None] == row].sum() for row in labels])
    unsure, sums = garments[~confident], np.ascontiguousarray(sums[:, ~confident])
    for number, (row, column) in enumerate(zip(labels, columns, strict=True)):
        groups = sums[column]
        right[number] += (groups.argmax(axis=0) == row[unsure]).sum()
    return right
