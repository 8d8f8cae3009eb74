"""DBSCAN in bounded memory: scikit-learn's keeps the neighbours of all points at once, this one of a few at a time."""

import numpy as np

NOISE = -1  # scikit-learn's own number for points in no cluster
PAIRS = 2**24  # pairs of points whose distance is looked at at a time: at most 2 GB, whatever eps is


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
        found = near.radius_neighbors_graph(features[rows], mode="distance").tocoo()
        for eps, core, group, border in zip(values, cores, groups, borders, strict=True):
            within = found.data <= eps
            point, neighbor = found.row[within] + rows.start, found.col[within]
            core[rows] = np.bincount(point, minlength=n)[rows] >= min_samples
            own, others = core[point], core[neighbor]  # later points are no core points yet: the pair comes again then
            group[:] = merge(group, point[own & others], neighbor[own & others])
            border.append(np.stack([point[~own], neighbor[~own]]))
    return np.array([number(*each) for each in zip(cores, groups, borders, strict=True)])


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
