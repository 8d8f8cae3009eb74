import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from src.clustering.agreement import agreement, ami, ari, describe, matching
from src.clustering.dbscan import NOISE


def test_agreement_by_hand() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1])
    scores = agreement(np.array([5, 5, 7, 7, 7, 7]), truth)
    assert scores["matched_accuracy"] == 5 / 6
    assert scores["ari"] == metrics.adjusted_rand_score(truth, [5, 5, 7, 7, 7, 7])
    assert agreement(1 - truth, truth) == pytest.approx(dict.fromkeys(scores, 1))


def test_noise_is_always_wrong_in_the_matched_accuracy() -> None:
    assert agreement(np.array([0, 0, NOISE, NOISE]), np.array([0, 0, 1, 1]))["matched_accuracy"] == 0.5
    assert agreement(np.array([NOISE, NOISE]), np.array([0, 1]))["matched_accuracy"] == 0


def test_the_matching_gives_each_cluster_another_group_and_noise_none() -> None:
    truth = np.array([4, 4, 4, 2, 2, 2, 2])
    assert matching(np.array([0, 0, 1, 1, 1, 1, NOISE]), truth) == {0: 4, 1: 2}
    assert matching(np.array([0, 0, 0, 1, 1, 3, 3]), truth) in ({0: 4, 1: 2}, {0: 4, 3: 2})
    assert matching(np.full(7, NOISE), truth) == {}


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_no_other_matching_agrees_with_more_points(pairs: list[tuple[int, int]]) -> None:
    from itertools import permutations

    clusters, truth = np.array(pairs).T
    best = max(
        sum(int(((clusters == cluster) & (truth == group)).sum()) for cluster, group in enumerate(order))
        for order in permutations(range(4))
    )
    assert agreement(clusters, truth)["matched_accuracy"] == best / len(pairs)


def test_the_description_counts_clusters_sizes_and_noise() -> None:
    description = describe(np.array([1, 1, 0, NOISE]), {"labels": np.array([1, 1, 0, 0])})
    assert (description["clusters"], description["sizes"], description["noise_share"]) == (2, [2, 1], 0.25)
    assert description["labels"]["matched_accuracy"] == 0.75


def test_images_whose_garment_is_not_known_are_left_out_of_that_agreement() -> None:
    truths = {"garments": np.array([3, 3, 4, -1]), "labels": np.array([-1, -1, -1, -1])}
    description = describe(np.array([0, 0, 1, 1]), truths)
    assert description["garments"]["matched_accuracy"] == 1
    assert "labels" not in description


def test_noise_alone_is_described_too() -> None:
    description = describe(np.full(4, NOISE), {"labels": np.array([0, 0, 1, 1])})
    assert (description["clusters"], description["sizes"], description["noise_share"]) == (0, [], 1)
    assert description["labels"]["matched_accuracy"] == 0


@given(data=st.data())
def test_scores_of_counts_are_scikit_learns_of_labels(data: st.DataObject) -> None:
    groups = st.lists(st.integers(0, 3), min_size=12, max_size=12)
    truth, clusters = np.array(data.draw(groups)), np.array(data.draw(groups))
    points = data.draw(st.integers(1, 12))
    counts = np.zeros((4, 4), int)  # groups and clusters that no point is in are among them
    np.add.at(counts, (truth[:points], clusters[:points]), 1)
    labels = truth[:points], clusters[:points]
    assert ari(counts) == pytest.approx(metrics.adjusted_rand_score(*labels))
    assert ami(counts) == pytest.approx(metrics.adjusted_mutual_info_score(*labels))


def test_points_of_a_group_each_agree_with_themselves() -> None:
    assert ari(np.eye(5, dtype=int)) == ami(np.eye(5, dtype=int)) == 1
