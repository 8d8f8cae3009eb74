from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from src.cluster import agreement, cluster, describe, k_distances
from src.dbscan import NOISE
from src.stage import UserError

BLOCK: dict[str, Any] = {"k": None, "n_init": 3, "seed": 22, "eps": 1.5, "min_samples": 3}
TWO_HEAPS = np.array([[0.0, 0], [1, 0], [0, 1], [10, 10], [11, 10], [10, 11], [100, 100]])


def same_partition(a: np.ndarray, b: list[int]) -> bool:
    return bool(metrics.adjusted_rand_score(a, b) == 1)


def test_both_methods_find_the_heaps_and_dbscan_the_noise() -> None:
    found = cluster(TWO_HEAPS, 3, **BLOCK)
    assert same_partition(found["kmeans"], [0, 0, 0, 1, 1, 1, 2])
    assert found["dbscan"].tolist() == [0, 0, 0, 1, 1, 1, NOISE]


def test_k_is_the_number_of_labels_unless_it_is_given() -> None:
    assert len(set(cluster(TWO_HEAPS, 3, **BLOCK)["kmeans"])) == 3
    assert len(set(cluster(TWO_HEAPS, 3, **BLOCK | {"k": 2})["kmeans"])) == 2


def test_more_clusters_than_images_are_refused() -> None:
    with pytest.raises(UserError, match="cluster.k: must be at most the 7 images. Got 8"):
        cluster(TWO_HEAPS, 3, **BLOCK | {"k": 8})


def test_features_are_not_modified() -> None:
    features = TWO_HEAPS.copy()
    cluster(features, 3, **BLOCK)
    np.testing.assert_array_equal(features, TWO_HEAPS)


def test_k_distances_leave_the_point_itself_out_and_ascend() -> None:
    line = np.array([[0.0], [1], [3], [7]])
    assert k_distances(line, 1).tolist() == [1, 1, 2, 4]
    assert k_distances(line, 2).tolist() == [2, 3, 3, 6]


def test_a_point_is_a_core_point_where_its_k_distance_is_within_eps() -> None:
    from sklearn.cluster import DBSCAN

    points = np.random.default_rng(0).normal(size=(200, 2))
    core = DBSCAN(eps=0.3, min_samples=6).fit(points).core_sample_indices_
    assert (k_distances(points, 5) <= 0.3).sum() == len(core)


def test_agreement_by_hand() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1])
    report = agreement(np.array([5, 5, 7, 7, 7, 7]), truth)
    assert report["accuracy"] == 5 / 6
    assert report["ari"] == metrics.adjusted_rand_score(truth, [5, 5, 7, 7, 7, 7])
    perfect = agreement(1 - truth, truth)
    assert all(value == pytest.approx(1) for value in perfect.values())


def test_noise_always_errs_in_the_accuracy() -> None:
    assert agreement(np.array([0, 0, NOISE, NOISE]), np.array([0, 0, 1, 1]))["accuracy"] == 0.5
    assert agreement(np.array([NOISE, NOISE]), np.array([0, 1]))["accuracy"] == 0


def test_the_published_sizes_bound_the_accuracy() -> None:
    """A bound from sizes alone: both sorted by size and matched, every overlap as large as it can be."""
    clusters = np.repeat(np.arange(5), [4951, 2113, 1066, 1022, 848])
    truth = np.repeat(np.arange(5), [3000, 2000, 2000, 2000, 1000])
    best = sum(min(a, b) for a, b in zip(np.bincount(clusters), np.bincount(truth), strict=True)) / 10_000
    assert best == pytest.approx(0.7936)
    assert agreement(clusters, truth)["accuracy"] <= best


def test_the_description_counts_clusters_sizes_and_noise() -> None:
    report = describe(np.array([1, 1, 0, NOISE]), {"labels": np.array([1, 1, 0, 0])})
    assert (report["clusters"], report["sizes"], report["noise_share"]) == (2, [2, 1], 0.25)
    assert report["labels"]["accuracy"] == 0.75


def test_images_whose_garment_is_not_known_are_left_out_of_that_agreement() -> None:
    clusters = np.array([0, 0, 1, 1])
    report = describe(clusters, {"garments": np.array([3, 3, 4, -1]), "labels": np.array([-1, -1, -1, -1])})
    assert report["garments"]["accuracy"] == 1
    assert "labels" not in report


def test_noise_alone_is_described_too() -> None:
    report = describe(np.full(4, NOISE), {"labels": np.array([0, 0, 1, 1])})
    assert (report["clusters"], report["sizes"], report["noise_share"]) == (0, [], 1)
    assert report["labels"]["accuracy"] == 0
