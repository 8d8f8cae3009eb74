import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.metrics import adjusted_rand_score

from src.clustering.dbscan import NOISE, dbscan, hdbscan, k_distances, knee
from src.clustering.density import density
from tests.clustering.lattice import lattices


def test_clusters_borders_and_noise_by_hand() -> None:
    line = np.array([[9.0], [0], [1], [2], [5], [6], [7], [3.5], [20]])
    near = density(line, 3)
    assert [dbscan(near, eps).tolist() for eps in (1, 1.5, 2)] == [
        [NOISE, 0, 0, 0, 1, 1, 1, NOISE, NOISE],
        [NOISE, 0, 0, 0, 0, 0, 0, 0, NOISE],  # 3.5 is a core point now, and joins them
        [0, 0, 0, 0, 0, 0, 0, 0, NOISE],
    ]


def test_a_border_point_joins_the_first_of_the_clusters_that_reach_it() -> None:
    line = np.array([[4.0], [6], [5], [3], [0], [1], [2]])  # 3 lies between 4, 5, 6 and 0, 1, 2
    assert dbscan(density(line, 3), 1).tolist() == [0, 0, 0, 0, 0, 0, 0]  # and is a core point
    heaps = np.array([[3.0, 0], [6, 0], [4, 0], [4, 1], [4, -1], [0, 0], [2, 0], [2, 1], [2, -1]])
    assert dbscan(density(heaps, 4), 1).tolist() == [0, NOISE, 0, 0, 0, NOISE, 1, 1, 1]


def test_points_without_neighbours_are_clusters_where_one_is_enough() -> None:
    points = np.array([[0.0], [10], [0], [20]])
    assert dbscan(density(points, 1), 1).tolist() == [0, 1, 0, 2]
    assert dbscan(density(points, 3), 1).tolist() == [NOISE] * 4


@given(data=st.data())
def test_dbscan_is_scikit_learns_label_for_label(data: st.DataObject) -> None:
    features, min_samples = data.draw(lattices())
    near = density(features, min_samples)
    for eps in (0.5, 1, 1.5, 2, 2.25, 3, 5, 20):  # many points lie at a distance of exactly eps
        expected = DBSCAN(eps=eps, min_samples=min_samples).fit_predict(features)
        assert dbscan(near, eps).tolist() == expected.tolist()


def clouds(dimensions: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(600, dimensions)) + 6 * rng.integers(0, 3, (600, 1))
    return rng.permutation(points).astype(np.float32)


@pytest.mark.parametrize("dimensions", [2, 20], ids=["by a tree", "by matrix products"])
def test_it_is_scikit_learns_on_clouds_too(dimensions: int) -> None:
    features = clouds(dimensions)
    values = (np.sqrt(dimensions) * np.linspace(0.1, 1.5, 8)).tolist()
    expected = [DBSCAN(eps=eps, min_samples=5).fit_predict(features) for eps in values]
    assert len({labels.max() for labels in expected}) > 2
    near = density(features, 5)
    np.testing.assert_array_equal([dbscan(near, eps) for eps in values], expected)


@pytest.mark.parametrize("dimensions", [2, 20])
def test_hdbscan_is_scikit_learns_but_for_ties(dimensions: int) -> None:
    features = clouds(dimensions)
    expected = HDBSCAN(min_cluster_size=30, copy=True).fit_predict(features)
    assert expected.max() == 2
    assert adjusted_rand_score(expected, hdbscan(density(features, 30), 30)) > 0.99


def test_hdbscan_takes_points_that_lie_on_each_other() -> None:
    heaps = np.repeat([[0.0, 0], [10, 0], [0, 10]], 20, axis=0)
    assert adjusted_rand_score(np.repeat([0, 1, 2], 20), hdbscan(density(heaps, 5), 5)) == 1


def test_k_distances_leave_the_point_itself_out_and_ascend() -> None:
    near = density(np.array([[0.0], [1], [3], [7]]), 2)
    assert k_distances(near, 1).tolist() == [1, 1, 2, 4]
    assert k_distances(near, 2).tolist() == [2, 3, 3, 6]


def test_a_point_is_a_core_point_where_its_k_distance_is_within_eps() -> None:
    points = np.random.default_rng(0).normal(size=(200, 2))
    core = DBSCAN(eps=0.3, min_samples=6).fit(points).core_sample_indices_
    assert (k_distances(density(points, 6), 5) <= 0.3).sum() == len(core)


def test_the_knee_is_where_the_distances_turn() -> None:
    assert knee(np.array([1.0] * 50 + [1 + step for step in range(10)])) == pytest.approx(50, abs=4)


def test_distances_without_a_knee_have_none() -> None:
    assert knee(np.linspace(0, 1, 50)) is None
    assert knee(np.ones(50)) is None
    assert knee(np.array([1.0, 1, 1, 1, 1, 1, 2, 9])) is None  # too few to smooth
    knee(np.array([1.0, 1, 1, 1, 1, 1, 1, 2, 9]))  # and enough, without a warning
