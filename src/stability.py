"""How far the clusters depend on choices: eps, the number of clusters, seeds, images, the method, the features."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.clustering import stability_charts
from src.clustering.agreement import METHODS, Truths, describe
from src.clustering.dbscan import hdbscan, k_distances, knee
from src.clustering.density import density
from src.clustering.stability import (
    Stability,
    by_encoder,
    by_features,
    eps_sweep,
    intervals,
    red_flags,
    seed_agreement,
    silhouettes,
)
from src.images import splits
from src.pipeline.files import UserError, write_json
from src.pipeline.schema import Count, Fraction, Seed, Several
from src.pipeline.untrusted import read_arrays


def stability(
    features: Mapping[str, np.ndarray],
    other_seeds: Sequence[np.ndarray] | np.ndarray,
    clusters: Mapping[str, np.ndarray],
    truths: Truths,
    cluster: Mapping[str, Any],
    *,
    eps_range: Fraction,
    n_eps: Several,
    max_clusters: Several,
    silhouette_sample: Several,
    n_seeds: Several,
    n_init: Count,
    n_bootstrap: Several,
    confidence: Fraction,
    min_cluster_size: Several,
    n_components: Count,
    seed: Seed,
) -> Stability:
    """The clusters of KMeans and DBSCAN beside those of other choices.

    features: {"trained", "untrained": (n, d), "pixels": (n, values)}; of the pixels the first principal components are
    clustered. other_seeds: (n, d) each, of encoders trained from other seeds. clusters: {"kmeans", "dbscan": (n,) ints}
    of the trained features, by the params of the block `cluster`. Raises UserError where there are too few images or
    pixels.
    """
    from sklearn.decomposition import PCA

    images = len(features["trained"])
    check_limit("max_clusters", max_clusters, images, "images")
    check_limit("min_cluster_size", min_cluster_size, images, "images")
    check_limit("n_components", n_components, min(features["pixels"].shape), "pixels or images")
    pixels = PCA(n_components, random_state=seed).fit_transform(features["pixels"])
    trained, k = features["trained"], len(np.unique(clusters["kmeans"]))
    eps, min_samples = cluster["eps"], cluster["min_samples"]
    densities = {size: density(trained, size) for size in {min_samples, min_cluster_size}}
    distances = k_distances(densities[min_samples], max(min_samples - 1, 1))
    knee_at = knee(distances)
    rng = np.random.default_rng(seed)
    return {
        "eps_used": eps,
        "eps_knee": None if knee_at is None else float(distances[knee_at]),
        "eps_sweep": eps_sweep(densities[min_samples], np.linspace(1 - eps_range, 1 + eps_range, n_eps) * eps, truths),
        "by_n_clusters": silhouettes(trained, range(2, max_clusters + 1), silhouette_sample, n_init, seed),
        "seeds": seed_agreement(trained, k, range(seed, seed + n_seeds)),
        "hdbscan": describe(hdbscan(densities[min_cluster_size], min_cluster_size), truths),
        "encoders": [
            {key: describe(clusters[key], truths) for key in METHODS},
            *(by_encoder(values, truths, **{**cluster, "n_clusters": k}) for values in other_seeds),
        ],
        "intervals": {key: intervals(clusters[key], truths, n_bootstrap, confidence, rng) for key in METHODS},
        "features": {
            name: by_features(values, k, truths, n_init, seed)
            for name, values in {**features, "pixels": pixels}.items()
        },
        "red_flags": [flag for key in METHODS for flag in red_flags(key, clusters[key])],
    }


def check_limit(key: str, value: int, limit: int, what: str) -> None:
    """Raises UserError where a param of the stage asks for more than there is."""
    if value > limit:
        raise UserError(f"params.yaml: stability.{key}: must be at most the number of {what}, {limit}. Got {value}.")


def main(params: dict[str, Any]) -> None:
    """data/embedding.npz, data/clusters.npz and the images -> metrics/stability/stability.json and .svg."""
    split = params["embed"]["split"]
    embedding, clusters = read_arrays("data/embedding.npz"), read_arrays("data/clusters.npz")
    x, y = splits.read(split)
    pixels = x.reshape(len(x), -1) / np.float32(255)
    features = {"trained": embedding["features"], "untrained": embedding["untrained"], "pixels": pixels}
    truths = {"labels": y, "garments": splits.garments(split)}
    print(f"stability: clusters of {len(x):,} images by other choices ...", flush=True)
    report = stability(features, embedding["other_seeds"], clusters, truths, params["cluster"], **params["stability"])
    stability_charts.stability("metrics/stability/stability.svg", report)
    write_json("metrics/stability/stability.json", report)
    seeds = report["seeds"]
    print(
        f"stability: ARI of KMeans between {seeds['n_seeds']} seeds {seeds['mean_ari']:.3f} (at least "
        f"{seeds['min_ari']:.3f}); {len(report['red_flags'])} red flags"
    )
