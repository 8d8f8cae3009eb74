"""How far clusters agree with the truth, and what a clustering looks like in numbers."""

from typing import Any

import numpy as np

from src.clustering.dbscan import NOISE


def k_distances(features: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest other point, in ascending order: (n, d) -> (n,). k is below n."""
    from sklearn.neighbors import NearestNeighbors

    distances, _ = (
        NearestNeighbors(n_neighbors=k).fit(features).kneighbors()
    )  # without arguments: the point itself is left out
    return np.sort(distances[:, -1])


def agreement(clusters: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """How far clusters and truth, two (n,) arrays of ints, name the same groups.

    ARI and AMI are 0 for chance and 1 for the same partition; homogeneity, completeness, V and accuracy lie in [0, 1].
    Accuracy is that of the best one-to-one assignment of clusters to true groups; noise is assigned to nothing, so it
    always errs. For the others noise is a group of its own.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn import metrics

    homogeneity, completeness, v = metrics.homogeneity_completeness_v_measure(truth, clusters)
    counts = metrics.cluster.contingency_matrix(truth, clusters)[:, np.unique(clusters) != NOISE]
    matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return {
        "ari": float(metrics.adjusted_rand_score(truth, clusters)),
        "ami": float(metrics.adjusted_mutual_info_score(truth, clusters)),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
        "v_measure": float(v),
        "accuracy": float(matched / len(truth)),
    }


def describe(clusters: np.ndarray, truths: dict[str, np.ndarray]) -> dict[str, Any]:
    """Number of clusters, sizes (largest first), share of noise, and the agreement with each truth.

    A truth is an (n,) array; where it is negative it is not known, and the image is left out of that agreement.
    """
    sizes = np.bincount(clusters[clusters != NOISE])
    report: dict[str, Any] = {
        "clusters": len(sizes),
        "sizes": sorted(sizes.tolist(), reverse=True),
        "noise_share": float((clusters == NOISE).mean()),
    }
    for name, truth in truths.items():
        known = truth >= 0
        if known.any():
            report[name] = agreement(clusters[known], truth[known])
    return report
