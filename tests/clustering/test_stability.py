import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from src.clustering.dbscan import NOISE
from src.clustering.density import density
from src.clustering.stability import (
    by_features,
    eps_sweep,
    intervals,
    largest_share,
    red_flags,
    seed_agreement,
    silhouettes,
)

HEAPS = np.array([[0.0, 0], [10, 0], [0, 10]])
TRUTH = np.repeat([0, 1, 2], 30)
POINTS = HEAPS[TRUTH] + np.random.default_rng(0).normal(size=(90, 2)) * 0.5


def test_the_sweep_is_what_dbscan_finds_with_each_eps() -> None:
    rows = eps_sweep(density(POINTS, 4), np.array([0.05, 2.0, 50.0]), {"labels": TRUTH})
    assert [row["clusters"] for row in rows] == [0, 3, 1]
    assert [row["noise_share"] for row in rows] == [1, 0, 0]
    assert [row["largest_share"] for row in rows] == [0, pytest.approx(1 / 3), 1]
    expected = adjusted_rand_score(TRUTH, DBSCAN(eps=2.0, min_samples=4).fit_predict(POINTS))
    assert rows[1]["ari_labels"] == expected == 1


def test_the_largest_share_leaves_noise_out() -> None:
    assert largest_share(np.array([0, 0, 0, 1, NOISE, NOISE])) == 0.75
    assert largest_share(np.array([NOISE])) == 0


def test_the_silhouette_is_scikit_learns_and_highest_for_the_true_number_of_heaps() -> None:
    rows = silhouettes(POINTS, range(2, 5), 1000, n_init=3, seed=1)
    assert [row["n_clusters"] for row in rows] == [2, 3, 4]
    assert max(rows, key=lambda row: row["silhouette"] or 0)["n_clusters"] == 3
    assert rows[1]["silhouette"] == pytest.approx(silhouette_score(POINTS, TRUTH))
    assert rows[0]["inertia"] > rows[1]["inertia"] > rows[2]["inertia"]


def test_seeds_agree_on_heaps_and_not_on_fog() -> None:
    fog = np.random.default_rng(0).random((300, 2))
    assert seed_agreement(fog, 7, range(4))["mean_ari"] < 0.9
    agreement = seed_agreement(np.repeat(HEAPS, 5, axis=0), 3, range(4))
    assert agreement["n_seeds"] == 4
    assert 0 <= agreement["min_ari"] <= agreement["mean_ari"] <= 1


def test_intervals_hold_the_value_and_leave_the_unknown_out() -> None:
    clusters = TRUTH.copy()
    clusters[::10] = (clusters[::10] + 1) % 3
    value = adjusted_rand_score(TRUTH, clusters)
    low, high = intervals(clusters, {"labels": TRUTH}, 100, 0.95, np.random.default_rng(0))["labels"]["ari"]
    assert low < value < high < 1
    half = np.where(np.arange(90) % 2, TRUTH, -1)
    assert intervals(TRUTH, {"half": half}, 5, 0.95, np.random.default_rng(0))["half"]["ari"] == [1, 1]
    assert intervals(TRUTH, {"none": np.full(90, -1)}, 5, 0.95, np.random.default_rng(0)) == {}


def test_features_that_part_the_heaps_agree_with_the_truth_and_noise_does_not() -> None:
    assert by_features(POINTS, 3, {"labels": TRUTH}, 3, 1)["labels"]["ari"] == 1
    noise = np.random.default_rng(0).random((90, 2))
    assert by_features(noise, 3, {"labels": TRUTH}, 3, 1)["labels"]["ari"] < 0.2


@pytest.mark.parametrize(
    ("clusters", "flags"),
    [
        ([0, 0, 1, 1, 2, 2, 2, 3, 3, NOISE], 0),
        ([0] * 3 + [1] * 3 + [NOISE] * 4, 1),
        ([0] * 3 + [1] * 3 + [2] * 3, 1),
        ([0] * 6 + [1] * 3 + [NOISE], 1),
        ([0] * 100, 2),
    ],
)
def test_red_flags_are_too_much_or_no_noise_and_one_giant_cluster(clusters: list[int], flags: int) -> None:
    assert len(red_flags("dbscan", np.array(clusters))) == flags


def test_the_usual_noise_is_named() -> None:
    assert red_flags("dbscan", TRUTH) == ["DBSCAN: 0.0% of the images are noise; 1 to 30% is usual."]


def test_kmeans_is_not_blamed_for_having_no_noise() -> None:
    assert red_flags("kmeans", TRUTH) == []


def test_a_sample_of_one_cluster_has_no_silhouette() -> None:
    heap = np.append(np.zeros((99, 2)), [[50.0, 50]], axis=0)
    assert silhouettes(heap, [2], 3, n_init=1, seed=1)[0]["silhouette"] is None
    assert silhouettes(POINTS[:4], [4], 4, n_init=1, seed=1)[0]["silhouette"] is None


def test_the_silhouette_of_a_sample_is_scikit_learns() -> None:
    clusters = np.random.default_rng(1).normal(size=(200, 2))
    row = silhouettes(clusters, [3], 50, n_init=2, seed=5)[0]
    labels = KMeans(3, n_init=2, random_state=5).fit_predict(clusters)
    assert row["silhouette"] == pytest.approx(silhouette_score(clusters, labels, sample_size=50, random_state=5))


def test_a_wider_confidence_gives_a_wider_interval() -> None:
    clusters = np.where(np.arange(90) % 10, TRUTH, (TRUTH + 1) % 3)
    low, high = (intervals(clusters, {"labels": TRUTH}, 100, level, np.random.default_rng(0)) for level in (0.5, 0.99))
    assert high["labels"]["ami"][0] < low["labels"]["ami"][0] < low["labels"]["ami"][1] < high["labels"]["ami"][1]


def test_one_cluster_for_all_is_said_to_show_no_groups() -> None:
    assert red_flags("dbscan", np.array([0] * 9 + [NOISE])) == [
        "DBSCAN: all images that are not noise are in one cluster, so it shows no groups."
    ]
