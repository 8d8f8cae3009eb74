"""Cluster the features with KMeans and DBSCAN, and say how far the clusters agree with the labels and the garments."""

from typing import Any

import numpy as np

from src import plots, splits
from src.dbscan import NOISE, dbscan
from src.stage import Count, Positive, Seed, UserError, run, write_json, writing


def cluster(
    features: np.ndarray, labels: int, *, k: Count | None, n_init: Count, seed: Seed, eps: Positive, min_samples: Count
) -> dict[str, np.ndarray]:
    """KMeans and DBSCAN of (n, d) features: {"kmeans": (n,) ints 0..k-1, "dbscan": (n,) ints, NOISE for none}.

    `k` clusters for KMeans, with None as many as there are labels. Raises UserError with fewer points than that.
    """
    from sklearn.cluster import KMeans

    clusters = k or labels
    if clusters > len(features):
        raise UserError(f"params.yaml: cluster.k: must be at most the {len(features)} images. Got {clusters}.")
    return {
        "kmeans": KMeans(clusters, n_init=n_init, random_state=seed).fit_predict(features),
        "dbscan": dbscan(features, [eps], min_samples)[0],
    }


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


def main(params: dict[str, Any]) -> None:
    """data/embedding.npz -> data/clusters.npz, the report and the pictures."""
    block, split = params["cluster"], params["embed"]["split"]
    embedding = np.load("data/embedding.npz")
    y, features = splits.read(split, "y"), embedding["features"]
    if block["min_samples"] > len(features):
        raise UserError(
            f"params.yaml: cluster.min_samples: must be at most the {len(features)} images. Got {block['min_samples']}."
        )
    found = cluster(features, len(np.unique(y)), **block)
    with writing("data/clusters.npz") as file:
        np.savez(file, kmeans=found["kmeans"], dbscan=found["dbscan"])
    maps = {"PCA": embedding["pca"], "t-SNE": embedding["tsne"]}
    k = max(block["min_samples"] - 1, 1)  # scikit-learn counts the point itself among min_samples
    plots.k_distances("metrics/k_distance.png", k_distances(features, k), k, block["eps"])
    plots.clusters("metrics/clusters.png", maps, {"labels": y, "KMeans": found["kmeans"], "DBSCAN": found["dbscan"]})
    truths = {"labels": y, "garments": splits.garments(split)}
    write_json("metrics/cluster.json", {name: describe(clusters, truths) for name, clusters in found.items()})


if __name__ == "__main__":
    run(main)
