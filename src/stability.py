"""How far the clusters hang on choices: eps, the number of clusters, seeds, images, the method, the features."""

from itertools import combinations
from typing import Any

import numpy as np

from src.clustering import charts
from src.clustering.agreement import agreement, describe, k_distances
from src.clustering.dbscan import NOISE, dbscan
from src.images import splits
from src.pipeline.files import UserError, write_json
from src.pipeline.schema import Count, Fraction, Seed, Several

Truths = dict[str, np.ndarray]  # (n,) ints; negative where it is not known


def stability(
    features: dict[str, np.ndarray],
    found: dict[str, np.ndarray],
    truths: Truths,
    eps: float,
    min_samples: int,
    *,
    eps_range: Fraction,
    n_eps: Count,
    max_clusters: Several,
    silhouette_sample: Several,
    n_seeds: Several,
    n_init: Count,
    n_bootstrap: Count,
    confidence: Fraction,
    min_cluster_size: Several,
    n_components: Count,
    seed: Seed,
) -> dict[str, Any]:
    """The clusters found by KMeans and DBSCAN beside those of other choices.

    features: {"trained", "untrained": (n, d), "pixels": (n, side * side)}, of the last the principal `components` are
    clustered. found: {"kmeans", "dbscan": (n,) ints} of the trained ones.
    eps: DBSCAN's, tried from (1 - band) to (1 + band) times as large in `steps` steps. k_max: KMeans with 2 to so many
    clusters, by silhouette of a `sample`. seeds: KMeans that often. resamples: bootstraps of the images.
    """
    from sklearn.decomposition import PCA

    most = min(features["pixels"].shape)
    if n_components > most:
        raise UserError(f"params.yaml: stability.n_components: must be at most {most}. Got {n_components}.")
    features = features | {"pixels": PCA(n_components, random_state=seed).fit_transform(features["pixels"])}
    trained, k = features["trained"], len(np.unique(found["kmeans"]))
    rng = np.random.default_rng(seed)
    return {
        "eps": {
            "given": eps,
            "knee": knee(k_distances(trained, max(min_samples - 1, 1))),
            "band": eps_band(trained, np.linspace(1 - eps_range, 1 + eps_range, n_eps) * eps, min_samples, truths),
        },
        "k": silhouettes(trained, range(2, max_clusters + 1), silhouette_sample, seed),
        "seeds": seed_agreement(trained, k, range(seed, seed + n_seeds)),
        "hdbscan": describe(hdbscan(trained, min_cluster_size), truths),
        "intervals": {name: intervals(clusters, truths, n_bootstrap, rng) for name, clusters in found.items()},
        "features": {name: by_features(each, k, truths, seed) for name, each in features.items()},
        "red_flags": [flag for name, clusters in found.items() for flag in red_flags(name, clusters)],
    }


def knee(distances: np.ndarray) -> float | None:
    """The distance at the knee of ascending k-distances, (n,), by Kneedle (Satopaa et al. 2011); None without one."""
    from kneed import KneeLocator

    shape = {"curve": "convex", "direction": "increasing", "interp_method": "polynomial"}  # the last distances leap
    place = KneeLocator(range(len(distances)), distances, S=1, **shape).knee
    return None if place is None else float(distances[place])


def eps_band(features: np.ndarray, values: np.ndarray, min_samples: int, truths: Truths) -> list[dict[str, float]]:
    """What DBSCAN finds with each eps: clusters, share of noise, share of the largest cluster, ARI with each truth."""
    rows, found = [], dbscan(features, values.tolist(), min_samples)
    for eps, clusters in zip(values.tolist(), found, strict=True):
        report = describe(clusters, truths)
        row = {"eps": eps, "clusters": report["clusters"], "noise_share": report["noise_share"]}
        row["largest_share"] = largest_share(clusters)
        rows.append(row | {f"ari_{name}": report[name]["ari"] for name in truths if name in report})
    return rows


def largest_share(clusters: np.ndarray) -> float:
    """The largest cluster's share of the images that are in a cluster at all; 0 without clusters: (n,) ints."""
    sizes = np.bincount(clusters[clusters != NOISE])
    return float(sizes.max() / sizes.sum()) if len(sizes) else 0.0


def silhouettes(features: np.ndarray, numbers: range, sample: int, seed: int) -> list[dict[str, float]]:
    """KMeans with each number of clusters: inertia, and the mean silhouette of a `sample` of the images, in [-1, 1]."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    rows = []
    for k in numbers:
        model = KMeans(k, n_init=10, random_state=seed).fit(features)
        score = silhouette_score(features, model.labels_, sample_size=min(sample, len(features)), random_state=seed)
        rows.append({"k": k, "inertia": float(model.inertia_), "silhouette": float(score)})
    return rows


def seed_agreement(features: np.ndarray, k: int, seeds: range) -> dict[str, float]:
    """Mean and least ARI between the partitions of KMeans, started once each, from different seeds."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    found = [KMeans(k, n_init=1, random_state=seed).fit_predict(features) for seed in seeds]
    scores = [adjusted_rand_score(one, other) for one, other in combinations(found, 2)]
    return {"seeds": len(found), "mean_ari": float(np.mean(scores)), "least_ari": float(np.min(scores))}


def hdbscan(features: np.ndarray, min_cluster_size: int) -> np.ndarray:
    """HDBSCAN, which needs no eps (Campello, Moulavi and Sander 2013): (n, d) -> (n,) ints, NOISE for none."""
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=min_cluster_size, copy=True, n_jobs=-1).fit_predict(features)


def intervals(
    clusters: np.ndarray, truths: Truths, resamples: int, rng: np.random.Generator
) -> dict[str, dict[str, list[float]]]:
    """95 % bootstrap intervals, over images, of ARI and AMI with each truth: {truth: {score: [low, high]}}."""
    report = {}
    for name, truth in truths.items():
        known = np.flatnonzero(truth >= 0)
        if len(known):
            draws = [rng.choice(known, len(known)) for _ in range(resamples)]
            scores = [agreement(clusters[rows], truth[rows]) for rows in draws]
            report[name] = {
                score: np.percentile([each[score] for each in scores], [2.5, 97.5]).tolist() for score in ("ari", "ami")
            }
    return report


def by_features(features: np.ndarray, k: int, truths: Truths, seed: int) -> dict[str, dict[str, float]]:
    """How far KMeans with k clusters of these features agrees with each truth."""
    from sklearn.cluster import KMeans

    report = describe(KMeans(k, n_init=10, random_state=seed).fit_predict(features), truths)
    return {
        name: {score: report[name][score] for score in ("ari", "ami", "accuracy")} for name in truths if name in report
    }


def red_flags(name: str, clusters: np.ndarray) -> list[str]:
    """What to distrust, in words: noise outside 1 to 30 %, or a cluster with more than half of the other images."""
    noise, largest = float((clusters == NOISE).mean()), largest_share(clusters)
    flags = []
    if name == "dbscan" and not 0.01 <= noise <= 0.3:
        flags.append(f"{name}: {noise:.1%} of the images are noise; 1 to 30 % is usual.")
    if largest > 0.5:
        flags.append(f"{name}: one cluster holds {largest:.1%} of the clustered images: more than half.")
    return flags


def main(params: dict[str, Any]) -> None:
    """data/embedding.npz, data/clusters.npz and the images -> metrics/stability/stability.json and .png."""
    split, cluster = params["embed"]["split"], params["cluster"]
    embedding, clusters, (x, y) = np.load("data/embedding.npz"), np.load("data/clusters.npz"), splits.read(split)
    pixels = x.reshape(len(x), -1) / np.float32(255)
    features = {"trained": embedding["features"], "untrained": embedding["untrained"], "pixels": pixels}
    truths = {"labels": y, "garments": splits.garments(split)}
    report = stability(features, dict(clusters), truths, cluster["eps"], cluster["min_samples"], **params["stability"])
    charts.stability("metrics/stability/stability.png", report)
    write_json("metrics/stability/stability.json", report)
