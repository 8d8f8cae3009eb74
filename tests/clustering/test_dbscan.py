from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from src.clustering import dbscan as module
from src.clustering.dbscan import NOISE, dbscan, k_distances, knee, merge


@pytest.fixture(params=[1, 7, 10**6], ids="{} pairs at a time".format)
def pairs(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A point at a time, a few, all."""
    monkeypatch.setattr(module, "PAIRS", request.param)


@pytest.mark.usefixtures("pairs")
def test_clusters_borders_and_noise_by_hand() -> None:
    line = np.array([[9.0], [0], [1], [2], [5], [6], [7], [3.5], [20]])
    assert dbscan(line, [1, 1.5, 2], 3).tolist() == [
        [NOISE, 0, 0, 0, 1, 1, 1, NOISE, NOISE],
        [NOISE, 0, 0, 0, 0, 0, 0, 0, NOISE],  # 3.5 is a core point now, and joins them
        [0, 0, 0, 0, 0, 0, 0, 0, NOISE],
    ]


@pytest.mark.usefixtures("pairs")
def test_a_border_point_joins_the_first_of_the_clusters_that_reach_it() -> None:
    line = np.array([[4.0], [6], [5], [3], [0], [1], [2]])  # 3 lies between 4, 5, 6 and 0, 1, 2
    assert dbscan(line, [1], 3).tolist() == [[0, 0, 0, 0, 0, 0, 0]]  # and is a core point
    heaps = np.array([[3.0, 0], [6, 0], [4, 0], [4, 1], [4, -1], [0, 0], [2, 0], [2, 1], [2, -1]])
    assert dbscan(heaps, [1], 4).tolist() == [[0, NOISE, 0, 0, 0, NOISE, 1, 1, 1]]


def test_points_without_neighbours_are_clusters_where_one_is_enough() -> None:
    points = np.array([[0.0], [10], [0], [20]])
    assert dbscan(points, [1], 1).tolist() == [[0, 1, 0, 2]]
    assert dbscan(points, [1], 3).tolist() == [[NOISE] * 4]


@pytest.mark.parametrize("dimensions", [2, 20], ids=["by a tree", "by matrix products"])
@given(data=st.data())
def test_it_is_scikit_learns_label_for_label(dimensions: int, data: st.DataObject) -> None:
    """On a lattice, where many points lie at a distance of exactly eps."""
    points = data.draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40))
    features = np.zeros((len(points), dimensions), dtype=data.draw(st.sampled_from(["float32", "float64"])))
    features[:, :2] = points
    values = data.draw(st.lists(st.sampled_from([0.5, 1, 1.5, 2, 2.25, 3, 5, 20]), min_size=1, max_size=3))
    min_samples = data.draw(st.integers(1, 6))
    expected = [DBSCAN(eps=eps, min_samples=min_samples).fit_predict(features).tolist() for eps in values]
    with patch.object(module, "PAIRS", data.draw(st.sampled_from([1, 250, 10**6]))):
        assert dbscan(features, values, min_samples).tolist() == expected


@pytest.mark.parametrize("dimensions", [2, 20], ids=["by a tree", "by matrix products"])
def test_it_is_scikit_learns_on_clouds_too(dimensions: int) -> None:
    rng = np.random.default_rng(0)
    clouds = rng.normal(size=(600, dimensions)) + 6 * rng.integers(0, 3, (600, 1))
    features = rng.permutation(clouds).astype(np.float32)
    values = (np.sqrt(dimensions) * np.linspace(0.1, 1.5, 8)).tolist()
    expected = [DBSCAN(eps=eps, min_samples=5).fit_predict(features) for eps in values]
    assert len({labels.max() for labels in expected}) > 2
    np.testing.assert_array_equal(dbscan(features, values, 5), expected)


def test_features_are_not_modified() -> None:
    features = np.arange(6.0).reshape(3, 2)
    dbscan(features, [1, 3], 2)
    np.testing.assert_array_equal(features, np.arange(6.0).reshape(3, 2))


def test_groups_are_numbered_by_their_first_points() -> None:
    assert merge(np.arange(5), np.array([4, 1]), np.array([1, 4])).tolist() == [0, 1, 2, 3, 1]
    assert merge(np.array([0, 1, 2, 0, 2]), np.array([4]), np.array([3])).tolist() == [0, 1, 0, 0, 0]
    assert merge(np.arange(2), np.array([], int), np.array([], int)).tolist() == [0, 1]


def test_k_distances_leave_the_point_itself_out_and_ascend() -> None:
    line = np.array([[0.0], [1], [3], [7]])
    assert k_distances(line, 1).tolist() == [1, 1, 2, 4]
    assert k_distances(line, 2).tolist() == [2, 3, 3, 6]


def test_a_point_is_a_core_point_where_its_k_distance_is_within_eps() -> None:
    points = np.random.default_rng(0).normal(size=(200, 2))
    core = DBSCAN(eps=0.3, min_samples=6).fit(points).core_sample_indices_
    assert (k_distances(points, 5) <= 0.3).sum() == len(core)


def test_the_knee_is_where_the_distances_turn() -> None:
    assert knee(np.array([1.0] * 50 + [1 + step for step in range(10)])) == pytest.approx(50, abs=4)


def test_distances_without_a_knee_have_none() -> None:
    assert knee(np.linspace(0, 1, 50)) is None
    assert knee(np.ones(50)) is None
    assert knee(np.array([1.0, 1, 1, 1, 1, 1, 2, 9])) is None  # too few to smooth
    knee(np.array([1.0, 1, 1, 1, 1, 1, 1, 2, 9]))  # and enough, without a warning
