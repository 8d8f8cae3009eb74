"""DBSCAN in bounded memory, where scikit-learn's keeps the neighbours of all points at once, and the choice of eps."""

import numpy as np

NOISE = -1  # scikit-learn's own number for points in no cluster
PAIRS = 2**24  # distances that are computed at a time: at most 2 GB, whatever eps is


def dbscan(features: np.ndarray, values: list[float], min_samples: int) -> np.ndarray:
    """The clusters that scikit-learn's DBSCAN finds with each eps of `values`: (n, d) -> (values, n) ints, or NOISE.

    One pass finds the neighbours of every point, and so whether it is a core point. Neighbours that are both core
    points belong to one cluster. Any other point has fewer than `min_samples` neighbours; these are kept until the
    clusters have their numbers, in the order of their first core points: it joins the first cluster among them.
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils import gen_batches

    n = len(features)
    near = NearestNeighbors(radius=max(values), n_jobs=-1).fit(features)
    cores = np.zeros((len(values), n), dtype=bool)
    groups = np.tile(np.arange(n), (len(values), 1))
    borders: list[list[np.ndarray]] = [[] for _ in values]
    for rows in gen_batches(n, max(1, PAIRS // n)):
        pairs = near.radius_neighbors_graph(features[rows], mode="distance").tocoo()
        for eps, core, group, border in zip(values, cores, groups, borders, strict=True):
            within = pairs.data <= eps
            point, neighbor = pairs.row[within] + rows.start, pairs.col[within]
            core[rows] = np.bincount(point, minlength=n)[rows] >= min_samples
            is_core = core[point]
            both = is_core & core[neighbor]  # a pair whose second point is not yet known as core is seen again from it
            group[:] = merge(group, point[both], neighbor[both])
            border.append(np.stack([point[~is_core], neighbor[~is_core]]))
    return np.array([number(*parts) for parts in zip(cores, groups, borders, strict=True)])


def k_distances(features: np.ndarray, k: int) -> np.ndarray:
    """The distance of each point to its k-th nearest other point, in ascending order: (n, d) -> (n,). k is below n."""
    from sklearn.neighbors import NearestNeighbors

    distances, _ = NearestNeighbors(n_neighbors=k).fit(features).kneighbors()  # no arguments: without the point itself
    return np.sort(distances[:, -1])


def knee(distances: np.ndarray) -> int | None:
    """Where ascending k-distances, (n,), have their knee, by Kneedle (Satopaa et al. 2011): an index or None."""
    from kneed import KneeLocator

    if len(distances) < 9 or distances[0] == distances[-1]:  # Kneedle smooths by a polynomial of degree 7
        return None
    shape = {"curve": "convex", "direction": "increasing", "interp_method": "polynomial"}  # the last distances leap
    index = KneeLocator(range(len(distances)), distances, S=1, **shape).knee
    return None if index is None else int(index)


def merge(group: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The groups of n points when those of the points a and b, (m,), are one; numbered in the order of first points."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = group[a], group[b]
    apart = a != b
    links = coo_array((np.ones(apart.sum()), (a[apart], b[apart])), shape=(len(group), len(group)))
    return connected_components(links, directed=False)[1][group]


def number(core: np.ndarray, group: np.ndarray, border: list[np.ndarray]) -> np.ndarray:
    """The clusters' numbers: core points (n,) have their group's, a border point the least among its neighbours.

    border: pairs of a point that is no core point and any neighbour of it, (2, m) each.
    """
    clusters = np.full(len(core), len(core))
    clusters[core] = np.unique(group[core], return_inverse=True)[1]
    point, neighbor = np.concatenate(border, axis=1)
    reached = core[neighbor]
    np.minimum.at(clusters, point[reached], clusters[neighbor[reached]])
    return np.where(clusters == len(core), NOISE, clusters)
