"""How far clusters depend on choices: eps, the number of clusters, seeds, images, the method, the features."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any, TypedDict

import numpy as np

from src.clustering.agreement import METHODS, Truths, ami, ari, describe
from src.clustering.dbscan import NOISE, dbscan
from src.clustering.density import Density, density
from src.clustering.partitions import partitions

# Shares of images, after Schubert, Sander, Ester, Kriegel and Xu, "DBSCAN Revisited, Revisited" (2017), on red flags.
LITTLE_NOISE, MUCH_NOISE, GIANT = 0.01, 0.3, 0.5


class ByNumber(TypedDict):
    """KMeans with a number of clusters: inertia, and the mean silhouette in [-1, 1] or None."""

    n_clusters: int
    inertia: float
    silhouette: float | None


class SeedAgreement(TypedDict):
    """ARI between the partitions of KMeans from different seeds."""

    n_seeds: int
    mean_ari: float
    min_ari: float


class Stability(TypedDict):
    """metrics/stability/stability.json; descriptions are as in clusters.json.

    encoders: a description by each key of METHODS, for the encoder of each seed, first the one of clusters.json.
    """

    eps_used: float
    eps_knee: float | None
    eps_sweep: list[dict[str, float]]
    by_n_clusters: list[ByNumber]
    seeds: SeedAgreement
    hdbscan: dict[str, Any]
    encoders: list[dict[str, dict[str, Any]]]
    intervals: dict[str, dict[str, dict[str, list[float]]]]
    features: dict[str, dict[str, dict[str, float]]]
    red_flags: list[str]


def eps_sweep(density: Density, values: np.ndarray, truths: Truths) -> list[dict[str, float]]:
    """DBSCAN with each eps: `clusters`, `noise_share`, `largest_share`, and `ari_` with each truth that is known."""
    rows = []
    for eps in values.tolist():
        clusters = dbscan(density, eps)
        description = describe(clusters, truths)
        row = {"eps": eps, "clusters": description["clusters"], "noise_share": description["noise_share"]}
        row["largest_share"] = largest_share(clusters)
        rows.append(row | {f"ari_{name}": description[name]["ari"] for name in truths if name in description})
    return rows


def largest_share(clusters: np.ndarray) -> float:
    """The largest cluster's share of the images that are in a cluster at all, (n,) ints; 0 without clusters."""
    sizes = np.bincount(clusters[clusters != NOISE])
    return float(sizes.max() / sizes.sum()) if len(sizes) else 0.0


def silhouettes(features: np.ndarray, numbers: Iterable[int], sample: int, n_init: int, seed: int) -> list[ByNumber]:
    """KMeans with each number of clusters. The silhouette is that of a sample of the images.

    It is None where the sample has images of one cluster only, or none has two of them: it is not defined then.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    sampled = np.random.RandomState(seed).permutation(len(features))[:sample]
    rows: list[ByNumber] = []
    for k in numbers:
        model = KMeans(k, n_init=n_init, random_state=seed).fit(features)
        labels = model.labels_[sampled]
        defined = 1 < len(np.unique(labels)) < len(labels)
        score = float(silhouette_score(features[sampled], labels)) if defined else None
        rows.append({"n_clusters": k, "inertia": float(model.inertia_), "silhouette": score})
    return rows


def seed_agreement(features: np.ndarray, k: int, seeds: range) -> SeedAgreement:
    """How far the partitions of KMeans with k clusters agree that was started once from each of two or more seeds."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    partitions = [KMeans(k, n_init=1, random_state=seed).fit_predict(features) for seed in seeds]
    scores = [adjusted_rand_score(a, b) for a, b in combinations(partitions, 2)]
    return {"n_seeds": len(partitions), "mean_ari": float(np.mean(scores)), "min_ari": float(np.min(scores))}


def by_encoder(
    features: np.ndarray, truths: Truths, *, n_clusters: int, n_init: int, seed: int, eps: float, min_samples: int
) -> dict[str, dict[str, Any]]:
    """The clusters of KMeans and DBSCAN of another encoder's features, (n, d), described by each key of METHODS."""
    clusters = partitions(features, density(features, min_samples), n_clusters, n_init=n_init, seed=seed, eps=eps)
    return {key: describe(clusters[key], truths) for key in METHODS}


def intervals(
    clusters: np.ndarray, truths: Truths, n_bootstrap: int, confidence: float, rng: np.random.Generator
) -> dict[str, dict[str, list[float]]]:
    """Bootstrap intervals, over images, of ARI and AMI with each truth that is known: {truth: {score: [low, high]}}.

    The scores need no more of n drawn images than how many are of each group and cluster, which is multinomial.
    """
    from sklearn.metrics.cluster import contingency_matrix

    tails = 50 * (1 - confidence), 50 * (1 + confidence)
    by_truth = {}
    for name, truth in truths.items():
        known = truth >= 0
        if known.any():
            counts = contingency_matrix(truth[known], clusters[known])
            draws = rng.multinomial(counts.sum(), counts.ravel() / counts.sum(), n_bootstrap)
            tables = draws.reshape(-1, *counts.shape)
            by_truth[name] = {
                key: np.percentile([measure(table) for table in tables], tails).tolist()
                for key, measure in {"ari": ari, "ami": ami}.items()
            }
    return by_truth


def by_features(features: np.ndarray, k: int, truths: Truths, n_init: int, seed: int) -> dict[str, dict[str, float]]:
    """ARI, AMI and matched accuracy of KMeans with k clusters of these features, with each truth that is known."""
    from sklearn.cluster import KMeans

    description = describe(KMeans(k, n_init=n_init, random_state=seed).fit_predict(features), truths)
    scores = ("ari", "ami", "matched_accuracy")
    return {name: {score: description[name][score] for score in scores} for name in truths if name in description}


def red_flags(method: str, clusters: np.ndarray) -> list[str]:
    """Reasons to distrust the (n,) clusters of a key of METHODS, in sentences: much or no noise, a giant cluster."""
    name, noise, largest = METHODS[method], float((clusters == NOISE).mean()), largest_share(clusters)
    flags = []
    if method == "dbscan" and not LITTLE_NOISE <= noise <= MUCH_NOISE:
        usual = f"{100 * LITTLE_NOISE:g} to {MUCH_NOISE:.0%}"
        flags.append(f"{name}: {noise:.1%} of the images are noise; {usual} is usual.")
    if largest == 1:
        flags.append(f"{name}: all images that are not noise are in one cluster, so it shows no groups.")
    elif largest > GIANT:
        flags.append(f"{name}: one cluster holds {largest:.1%} of the clustered images, which is more than half.")
    return flags
