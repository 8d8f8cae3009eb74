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
    from sklearn.metrics.cluster import contingency_matrix

    matched, counts = matching(clusters, truth), contingency_matrix(truth, clusters)
    agreeing = sum(int(((clusters == number) & (truth == group)).sum()) for number, group in matched.items())
    return {"ari": ari(counts), "ami": ami(counts), "matched_accuracy": agreeing / len(truth)}


def ari(counts: np.ndarray) -> float:
    """scikit-learn's adjusted Rand index, of the counts of points by true group and cluster, 2-D ints."""
    in_both, in_group, in_cluster = (
        float((sizes * (sizes - 1)).sum()) for sizes in (counts, counts.sum(axis=1), counts.sum(axis=0))
    )
    points, most = int(counts.sum()), (in_group + in_cluster) / 2
    if in_both == most:
        return 1.0
    expected = in_group * in_cluster / (points * (points - 1))
    return (in_both - expected) / (most - expected)


def ami(counts: np.ndarray) -> float:
    """scikit-learn's adjusted mutual information, of the counts of points by true group and cluster, 2-D ints."""
    from scipy.stats import entropy
    from sklearn.metrics import mutual_info_score
    from sklearn.metrics.cluster import expected_mutual_information

    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    if 1 in counts.shape:
        return float(counts.size == 1)
    expected = expected_mutual_information(counts, counts.sum())
    above = mutual_info_score(None, None, contingency=counts) - expected
    most = (entropy(counts.sum(axis=1)) + entropy(counts.sum(axis=0))) / 2 - expected
    # A perfect match of groups of one point each is zero by zero.
    return float(np.divide(*(np.copysign(max(abs(value), np.finfo(float).eps), value) for value in (above, most))))


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
