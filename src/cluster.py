"""Cluster the features with KMeans and DBSCAN, and say how far the clusters agree with the labels and the garments."""

from typing import Any

import numpy as np

from src.clustering import charts
from src.clustering.agreement import METHODS, describe
from src.clustering.dbscan import k_distances, knee
from src.clustering.density import Density, density
from src.clustering.partitions import partitions
from src.images import splits
from src.pipeline.files import UserError, atomic_write, write_json
from src.pipeline.schema import Count, Positive, Seed
from src.pipeline.untrusted import read_arrays


def cluster(
    features: np.ndarray,
    n_labels: int,
    *,
    n_clusters: Count | None,
    n_init: Count,
    seed: Seed,
    eps: Positive,
    min_samples: Count,
) -> tuple[dict[str, np.ndarray], Density]:
    """KMeans and DBSCAN of (n, d) features: {"kmeans": (n,) ints 0..k-1, "dbscan": (n,) ints, NOISE for none}.

    KMeans has `n_clusters` clusters, with None as many as there are labels. With them comes the features' density, from
    which DBSCAN reads its own. Raises UserError with too few images.
    """
    k = n_clusters or n_labels
    for key, value in {"n_clusters": k, "min_samples": min_samples}.items():
        if value > len(features):
            raise UserError(
                f"params.yaml: cluster.{key}: must be at most the number of images, {len(features)}. Got {value}."
            )
    near = density(features, min_samples)
    return partitions(features, near, k, n_init=n_init, seed=seed, eps=eps), near


def main(params: dict[str, Any]) -> None:
    """data/embedding.npz -> data/clusters.npz, metrics/cluster/clusters.json and the charts."""
    block, embed = params["cluster"], params["embed"]
    y, garments, embedding = (
        splits.labels(embed["split"]),
        splits.garments(embed["split"]),
        read_arrays("data/embedding.npz"),
    )
    features = embedding["features"]
    clusters, near = cluster(features, len(np.unique(y)), **block)
    with atomic_write("data/clusters.npz") as file:
        np.savez(file, allow_pickle=False, **clusters)
    k = max(block["min_samples"] - 1, 1)  # scikit-learn counts the point itself among min_samples
    distances = k_distances(near, k)
    charts.k_distance("metrics/cluster/k_distance.svg", distances, k, block["eps"], knee(distances))
    names = charts.label_names(splits.class_names(), y, splits.garment_names(), garments)
    maps = {"t-SNE": embedding["tsne"], "PCA": embedding["pca"]}
    charts.maps("metrics/cluster/maps.png", maps, y, names, {name: clusters[key] for key, name in METHODS.items()})
    described = {key: describe(values, {"labels": y, "garments": garments}) for key, values in clusters.items()}
    feature_info = {"model": embed["model"], "layer": embed["layer"], "split": embed["split"]}
    feature_info |= {"images": len(features), "dimensions": features.shape[1]}
    feature_info["explained_by_map"] = float(embedding["explained"].sum())
    write_json("metrics/cluster/clusters.json", {"features": feature_info, **described})
    for key, name in METHODS.items():
        accuracy = described[key]["labels"]["matched_accuracy"]
        print(
            f"cluster: {name} has {described[key]['clusters']} clusters; matched with labels, {accuracy:.1%} are right"
        )
