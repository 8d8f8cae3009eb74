import numpy as np
import pytest

from src.inference.groupings import canonical, curve_points, groupings, mappings

SIZES = [2, 1, 2, 2, 3]  # of the course's labels


def test_all_mappings_and_groupings_of_the_course_are_counted() -> None:
    assert len(mappings(SIZES)) == 75_600  # 10! / (2! 1! 2! 2! 3!)
    labels = groupings(SIZES)
    assert len(labels) == len(np.unique(labels, axis=0)) == 12_600  # three labels have one size: 3! names
    assert {tuple(np.bincount(row)) for row in labels} == {tuple(SIZES)}


def test_names_of_groups_of_one_size_do_not_count() -> None:
    assert groupings([1, 1]).tolist() == [[0, 1]]
    assert groupings([2, 1]).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert canonical(np.array([[2, 1, 0, 0]]), [2, 1, 1]).tolist() == [[1, 2, 0, 0]]


def test_a_small_case_by_hand() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.4, 0.25, 0.35], [0.1, 0.2, 0.7]])
    garments = np.array([0, 1, 2])
    points = curve_points(probabilities, garments, groupings([2, 1]))
    # {0, 1} {2}: sums .9, .65, .7, all right. {0, 2} {1}: .7 right; .25 wrong; .8 right. {1, 2} {0}: .6, .6, .9 right.
    assert points[:, 0] == pytest.approx([1, 2 / 3, 1])
    losses = [np.log([0.9, 0.65, 0.7]), np.log([0.7, 0.25, 0.8]), np.log([0.6, 0.6, 0.9])]
    assert points[:, 1] == pytest.approx([-np.mean(loss) for loss in losses])


def test_points_are_those_of_the_summed_probabilities() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(6, 0.5), size=300)
    garments = rng.integers(6, size=300)
    labels = groupings([1, 2, 3])
    for row, (accuracy, loss) in zip(labels, curve_points(probabilities, garments, labels), strict=True):
        sums = np.stack([probabilities[:, row == label].sum(axis=1) for label in range(3)], axis=1)
        assert accuracy == pytest.approx((sums.argmax(axis=1) == row[garments]).mean())
        assert loss == pytest.approx(-np.log(sums[np.arange(300), row[garments]].clip(1e-7, 1 - 1e-7)).mean())
