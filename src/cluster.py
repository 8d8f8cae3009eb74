"""Cluster the features with KMeans and DBSCAN, and say how far the clusters agree with the labels and the garments."""

from typing import Any

import numpy as np

from src.clustering import charts
from src.clustering.agreement import describe, k_distances
from src.clustering.dbscan import dbscan
from src.images import splits
from src.pipeline.files import UserError, atomic_write, write_json
from src.pipeline.schema import Count, Positive, Seed


def cluster(
    features: np.ndarray,
    labels: int,
    *,
    n_clusters: Count | None,
    n_init: Count,
    seed: Seed,
    eps: Positive,
    min_samples: Count,
) -> dict[str, np.ndarray]:
    """KMeans and DBSCAN of (n, d) features: {"kmeans": (n,) ints 0..k-1, "dbscan": (n,) ints, NOISE for none}.

    `n_clusters` for KMeans, with None as many as there are labels. Raises UserError with fewer points than that.
    """
    from sklearn.cluster import KMeans

    clusters = n_clusters or labels
    if clusters > len(features):
        raise UserError(f"params.yaml: cluster.n_clusters: must be at most the {len(features)} images. Got {clusters}.")
    return {
        "kmeans": KMeans(clusters, n_init=n_init, random_state=seed).fit_predict(features),
        "dbscan": dbscan(features, [eps], min_samples)[0],
    }


def main(params: dict[str, Any]) -> None:
    """data/embedding.npz -> data/clusters.npz, the report and the pictures."""
    block, split = params["cluster"], params["embed"]["split"]
    embedding = np.load("data/embedding.npz")
    y, features = splits.read(split).y, embedding["features"]
    if block["min_samples"] > len(features):
        raise UserError(
            f"params.yaml: cluster.min_samples: must be at most the {len(features)} images. Got {block['min_samples']}."
        )
    found = cluster(features, len(np.unique(y)), **block)
    with atomic_write("data/clusters.npz") as file:
        np.savez(file, kmeans=found["kmeans"], dbscan=found["dbscan"])
    maps = {"PCA": embedding["pca"], "t-SNE": embedding["tsne"]}
    k = max(block["min_samples"] - 1, 1)  # scikit-learn counts the point itself among min_samples
    charts.k_distances("metrics/cluster/k_distance.png", k_distances(features, k), k, block["eps"])
    charts.clusters(
        "metrics/cluster/maps.png", maps, {"labels": y, "KMeans": found["kmeans"], "DBSCAN": found["dbscan"]}
    )
    truths = {"labels": y, "garments": splits.garments(split)}
    write_json("metrics/cluster/clusters.json", {name: describe(clusters, truths) for name, clusters in found.items()})
