"""How far clusters agree with the truth, and what a clustering looks like in numbers."""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from src.clustering.dbscan import NOISE

METHODS = {"kmeans": "KMeans", "dbscan": "DBSCAN"}  # keys of data/clusters.npz and their names

Truths = Mapping[str, np.ndarray]  # (n,) ints, such as labels or garments; negative where they are not known


class Agreement(TypedDict):
    """ARI and AMI: 0 for chance, 1 for the same partition; the matched accuracy lies in [0, 1]."""

    ari: float
    ami: float
    matched_accuracy: float


def matching(clusters: np.ndarray, truth: np.ndarray) -> dict[int, int]:
    """The one-to-one matching of clusters with true groups that most points agree with, {cluster: group}.

    Two (n,) int arrays. Noise and, where there are more clusters than groups, some clusters are matched with nothing.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    numbers, groups = np.unique(clusters), np.unique(truth)
    counts = contingency_matrix(truth, clusters)[:, numbers != NOISE]
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return dict(zip(numbers[numbers != NOISE][columns].tolist(), groups[rows].tolist(), strict=True))


def agreement(clusters: np.ndarray, truth: np.ndarray) -> Agreement:
    """How far clusters and truth, two (n,) int arrays, name the same groups.

    The matched accuracy is that of the best one-to-one matching of clusters with true groups; noise is always wrong
    then. For the other scores noise is a group of its own.
    """
    from sklearn import metrics

    matched = matching(clusters, truth)
    agreeing = sum(int(((clusters == number) & (truth == group)).sum()) for number, group in matched.items())
    return {
        "ari": float(metrics.adjusted_rand_score(truth, clusters)),
        "ami": float(metrics.adjusted_mutual_info_score(truth, clusters)),
        "matched_accuracy": agreeing / len(truth),
    }


def describe(clusters: np.ndarray, truths: Truths) -> dict[str, Any]:
    """The number of `clusters`, `sizes` (largest first), `noise_share`, and by each truth the `Agreement` with it.

    Images whose truth is not known are left out of that agreement; where none is known it is not there.
    """
    sizes = np.bincount(clusters[clusters != NOISE])
    description: dict[str, Any] = {
        "clusters": len(sizes),
        "sizes": sorted(sizes.tolist(), reverse=True),
        "noise_share": float((clusters == NOISE).mean()),
    }
    for name, truth in truths.items():
        known = truth >= 0
        if known.any():
            description[name] = agreement(clusters[known], truth[known])
    return description
