"""The two ways to cluster features that the pipeline compares."""

import numpy as np

from src.clustering.dbscan import dbscan
from src.clustering.density import Density


def partitions(
    features: np.ndarray, near: Density, k: int, *, n_init: int, seed: int, eps: float
) -> dict[str, np.ndarray]:
    """KMeans with k clusters and DBSCAN with `eps` of (n, d) features, whose density is `near`.

    {"kmeans": (n,) ints 0..k-1, "dbscan": (n,) ints, NOISE for none}.
    """
    from sklearn.cluster import KMeans

    kmeans = KMeans(k, n_init=n_init, random_state=seed).fit_predict(features)
    return {"kmeans": kmeans, "dbscan": dbscan(near, eps)}
