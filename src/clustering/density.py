"""How dense points lie: the nearest of each, and a spanning tree from which DBSCAN and HDBSCAN read their clusters."""

from typing import NamedTuple

import numpy as np

LISTED = 32  # nearest points kept of each: with fewer, more pairs are left to search
PAIRS = 2**22  # distances that are computed at a time: 32 MB


class Edges(NamedTuple):
    """Pairs of points, a and b, (m,) ints, and the weight of each, (m,) float64."""

    a: np.ndarray
    b: np.ndarray
    weight: np.ndarray


class Density(NamedTuple):
    """How near n points are to others, and how they hang together.

    neighbors, distances: (n, k) the nearest points of each, nearest first, itself among them. core: (n,) the distance
    within which a point has `min_samples` points. tree: the lightest edges that connect all points; the weight of a
    pair is its mutual reachability, the largest of its distance and both core distances.
    """

    neighbors: np.ndarray
    distances: np.ndarray
    core: np.ndarray
    tree: Edges


def density(features: np.ndarray, min_samples: int) -> Density:
    """The density of (n, d) points; `min_samples` is at most n. Memory grows as n k, time as n², at worst n² log n."""
    from sklearn.neighbors import NearestNeighbors

    k = min(len(features), max(min_samples, LISTED))
    distances, neighbors = NearestNeighbors(n_neighbors=k, n_jobs=-1).fit(features).kneighbors(features)
    core = distances[:, min_samples - 1].astype(float)
    a, b = np.repeat(np.arange(len(features)), k), neighbors.ravel()
    listed = Edges(a, b, np.maximum(distances.ravel(), np.maximum(core[a], core[b])))
    return Density(neighbors, distances, core, spanning_tree(features, core, distances[:, -1], listed))


def spanning_tree(features: np.ndarray, core: np.ndarray, reach: np.ndarray, listed: Edges) -> Edges:
    """The lightest edges that connect (n, d) points; where edges weigh the same there may be more than n - 1.

    In each round every group of connected points but the largest gets the lightest edge that leaves it (Boruvka 1926).
    `listed` has each point's edges to the points within its `reach`, (n,). Any other edge is longer than that, so it is
    searched for only from the points whose reach is below the weight of the lightest listed edge of their group.
    """
    group, chosen = np.arange(len(features)), [Edges(*(part[:0] for part in listed))]
    while group.any():
        listed = _subset(listed, group[listed.a] != group[listed.b])
        lightest = np.full(group.max() + 1, np.inf)
        for end in (listed.a, listed.b):
            np.minimum.at(lightest, group[end], listed.weight)
        largest = np.bincount(group).argmax()
        unsure = np.flatnonzero((reach < lightest[group]) & (group != largest))
        listed = _join([listed, *_search(features, core, group, unsure, lightest)])
        ends, weights = group[np.concatenate([listed.a, listed.b])], np.tile(listed.weight, 2)
        np.minimum.at(lightest, ends, weights)
        light = np.flatnonzero((weights == lightest[ends]) & (ends != largest))
        first = light[np.unique(ends[light], return_index=True)[1]]
        chosen.append(_subset(listed, np.unique(first % len(listed.a))))
        group = merge(group, chosen[-1].a, chosen[-1].b)
    return _join(chosen)


def _search(
    features: np.ndarray, core: np.ndarray, group: np.ndarray, points: np.ndarray, lightest: np.ndarray
) -> list[Edges]:
    """The lightest edge from each of the points to another group, where it is lighter than its group's `lightest`."""
    from sklearn.utils import gen_batches

    edges = []
    for number in np.unique(group[points]):
        inside = points[group[points] == number]
        outside = np.flatnonzero((group != number) & (core < lightest[number]))
        if not len(outside):
            continue
        # One product of matrices gives minus half of all squared distances; an edge is as light as that is great.
        others, half = features[outside].astype(float), -(core[outside] ** 2) / 2
        right = np.column_stack([others, np.ones(len(others)), -(others**2).sum(axis=1) / 2]).T
        for batch in gen_batches(len(inside), max(1, PAIRS // len(outside))):
            a = inside[batch]
            rows = features[a].astype(float)
            closeness = np.column_stack([rows, -(rows**2).sum(axis=1) / 2, np.ones(len(rows))]) @ right
            b = outside[np.minimum(closeness, half, out=closeness).argmax(axis=1)]
            distance = np.linalg.norm(rows - features[b], axis=1)
            between = Edges(a, b, np.maximum(distance, np.maximum(core[a], core[b])))
            edges.append(_subset(between, between.weight < lightest[number]))
    return edges


def merge(group: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The groups of n points when those of the points a and b, (m,), are one; numbered in the order of first points."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(a)), (group[a], group[b])), shape=(len(group), len(group)))
    return connected_components(links, directed=False)[1][group]


def _subset(edges: Edges, rows: np.ndarray) -> Edges:
    """The edges of these rows, a mask or numbers."""
    return Edges(*(part[rows] for part in edges))


def _join(parts: list[Edges]) -> Edges:
    """The edges of all parts."""
    return Edges(*(np.concatenate(column) for column in zip(*parts, strict=True)))
