"""DBSCAN and HDBSCAN, where scikit-learn's keep the neighbours of all points at once, and the choice of eps."""

import numpy as np

from src.clustering.density import Density, merge

NOISE = -1  # scikit-learn's own number for points in no cluster
TINY = float(np.nextafter(0, 1))  # in a sparse graph a weight of zero is no edge


def dbscan(density: Density, eps: float) -> np.ndarray:
    """The clusters that scikit-learn's DBSCAN finds with eps and the density's `min_samples`: (n,) ints, or NOISE.

    Core points belong together where edges of the tree within eps connect them. Any other point has fewer than
    `min_samples` neighbours within eps, and so all of them are listed: it joins the first cluster among them.
    """
    near = density.tree.weight <= eps
    group = merge(np.arange(len(density.core)), density.tree.a[near], density.tree.b[near])
    core = density.core <= eps
    point, place = np.nonzero((density.distances <= eps) & ~core[:, None])
    return number(core, group, point, density.neighbors[point, place])


def number(core: np.ndarray, group: np.ndarray, point: np.ndarray, neighbor: np.ndarray) -> np.ndarray:
    """The clusters' numbers: core points (n,) have their group's, another point the least among its neighbours.

    point, neighbor: (m,) pairs of a point that is no core point and any neighbour of it.
    """
    clusters = np.full(len(core), len(core))
    clusters[core] = np.unique(group[core], return_inverse=True)[1]
    reached = core[neighbor]
    np.minimum.at(clusters, point[reached], clusters[neighbor[reached]])
    return np.where(clusters == len(core), NOISE, clusters)


def hdbscan(density: Density, min_cluster_size: int) -> np.ndarray:
    """HDBSCAN, which needs no eps (Campello, Moulavi and Sander 2013): (n,) ints, NOISE for none.

    The same hierarchy as scikit-learn's of the points. Where edges weigh the same there are several, and whose clusters
    come out is chance: scikit-learn's depend on the order of the points.
    """
    from scipy.sparse import coo_array
    from sklearn.cluster import HDBSCAN

    a, b, weight = density.tree
    half = coo_array((np.maximum(weight, TINY), (a, b)), shape=(len(density.core),) * 2).tocsr()
    # With one sample the core distance is that to the nearest point, and the edges keep their weights.
    model = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=1, metric="precomputed", copy=False)
    return model.fit_predict(half.maximum(half.T))


def k_distances(density: Density, k: int) -> np.ndarray:
    """The distance of each point to its k-th nearest other point, in ascending order, (n,)."""
    return np.sort(density.distances[:, k])


def knee(distances: np.ndarray) -> int | None:
    """Where ascending k-distances, (n,), have their knee, by Kneedle (Satopaa et al. 2011): an index or None."""
    from kneed import KneeLocator

    if len(distances) < 9 or distances[0] == distances[-1]:  # Kneedle smooths by a polynomial of degree 7
        return None
    shape = {"curve": "convex", "direction": "increasing", "interp_method": "polynomial"}  # the last distances leap
    index = KneeLocator(range(len(distances)), distances, S=1, **shape).knee
    return None if index is None else int(index)
