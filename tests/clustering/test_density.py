from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial.distance import cdist

from src.clustering import density as module
from src.clustering.density import Edges, density, merge
from tests.clustering.lattice import lattices


def weights(edges: Edges, points: int) -> list[float]:
    """Ascending weights of a spanning tree of the edges; one more than the edges weigh, so that none is zero."""
    a, b, weight = edges
    graph = coo_array((weight + 1, (a, b)), shape=(points, points)).tocsr()
    assert connected_components(graph, directed=False)[0] == 1
    return sorted(minimum_spanning_tree(graph.maximum(graph.T)).data.tolist())


def every_edge(features: np.ndarray, min_samples: int) -> Edges:
    distances = cdist(features, features)
    core = np.sort(distances, axis=1)[:, min_samples - 1]
    a, b = np.triu_indices(len(features), 1)
    return Edges(a, b, np.max([distances[a, b], core[a], core[b]], axis=0))


def test_neighbours_core_distances_and_the_tree_by_hand() -> None:
    near = density(np.array([[0.0], [1], [3], [7]]), 3)
    assert near.neighbors[0].tolist() == [0, 1, 2, 3]
    assert near.distances[3].tolist() == [0, 4, 6, 7]
    assert near.core.tolist() == [3, 2, 3, 6]  # to the second other point
    assert weights(near.tree, 4) == [1 + 3, 1 + 3, 1 + 6]


@given(data=st.data())
def test_the_tree_is_as_light_as_scipys_of_all_pairs(data: st.DataObject) -> None:
    features, min_samples = data.draw(lattices())
    with (
        patch.object(module, "LISTED", data.draw(st.sampled_from([1, 3, 32]))),
        patch.object(module, "PAIRS", data.draw(st.sampled_from([1, 50, 2**22]))),
    ):
        tree = density(features, min_samples).tree
    assert len(tree.a) >= len(features) - 1
    expected = weights(every_edge(features, min_samples), len(features))
    assert weights(tree, len(features)) == pytest.approx(expected)


@pytest.mark.parametrize("min_samples", [2, 5, 40])
def test_it_is_in_clouds_too_where_hardly_any_edges_weigh_the_same(min_samples: int) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 16)) * rng.choice([1, 3], (500, 1)) + 8 * rng.integers(0, 4, (500, 1))
    tree = density(features.astype(np.float32), min_samples).tree
    assert weights(tree, 500) == pytest.approx(weights(every_edge(features, min_samples), 500), rel=1e-5)


def test_features_are_not_modified() -> None:
    features = np.arange(6.0).reshape(3, 2)
    density(features, 2)
    np.testing.assert_array_equal(features, np.arange(6.0).reshape(3, 2))


def test_groups_are_numbered_by_their_first_points() -> None:
    assert merge(np.arange(5), np.array([4, 1]), np.array([1, 4])).tolist() == [0, 1, 2, 3, 1]
    assert merge(np.array([0, 1, 2, 0, 2]), np.array([4]), np.array([3])).tolist() == [0, 1, 0, 0, 0]
    assert merge(np.arange(2), np.array([], int), np.array([], int)).tolist() == [0, 1]
