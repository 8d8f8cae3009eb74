"""Images that occur more than once."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import comb
from typing import TypedDict

import numpy as np


class DuplicatePairs(TypedDict):
    """Pairs of equal images by where their two images are, and how many of all pairs have two different labels."""

    within_training: int
    within_test: int
    across: int
    with_different_labels: int


def duplicate_groups(images: np.ndarray) -> list[list[int]]:
    """Groups of the indices of n images that are equal in every pixel, each group ascending."""
    groups = defaultdict(list)
    for index, image in enumerate(images):
        groups[image.tobytes()].append(index)
    return [group for group in groups.values() if len(group) > 1]


def count_duplicate_pairs(groups: Sequence[Sequence[int]], n_training: int, y: np.ndarray) -> DuplicatePairs:
    """The pairs that groups of equal images amount to; the first n_training of all images are for training.

    y: (n,) labels of all images.
    """
    counts: DuplicatePairs = {"within_training": 0, "within_test": 0, "across": 0, "with_different_labels": 0}
    for group in groups:
        training = sum(index < n_training for index in group)
        test = len(group) - training
        same_label = sum(comb(count, 2) for count in Counter(y[list(group)].tolist()).values())
        counts["within_training"] += comb(training, 2)
        counts["within_test"] += comb(test, 2)
        counts["across"] += training * test
        counts["with_different_labels"] += comb(len(group), 2) - same_label
    return counts


def leaked_test_images(groups: Sequence[Sequence[int]], n_training: int, n_test: int) -> np.ndarray:
    """Which test images, those after the first n_training, are also among the training images: (n_test,) bool."""
    leaked = np.zeros(n_test, dtype=bool)
    for group in groups:
        if group[0] < n_training:
            leaked[[index - n_training for index in group if index >= n_training]] = True
    return leaked
