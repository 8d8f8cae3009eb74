import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve

from src import evidence

RNG = np.random.default_rng(0)


def answers(both: int, only: int, only_other: int, neither: int) -> dict[str, np.ndarray]:
    """Two models with one replica each that are right together, alone and never on so many images."""
    model = [True] * (both + only) + [False] * (only_other + neither)
    other = [True] * both + [False] * only + [True] * only_other + [False] * neither
    return {"a": np.array([model]), "b": np.array([other])}


def test_wilsons_interval_is_that_of_scipy() -> None:
    expected = stats.binomtest(9406, 10_000).proportion_ci(0.95, method="wilson")
    assert evidence.share_interval(0.9406, 10_000, 0.95) == pytest.approx(tuple(expected), abs=1e-6)


def test_wilsons_interval_of_no_error_has_a_width_and_stays_below_one() -> None:
    low, high = evidence.share_interval(1.0, 100, 0.95)
    assert (low, high) == (pytest.approx(100 / (100 + 1.959964**2), abs=1e-6), 1.0)


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = [0.91, 0.92, 0.935, 0.9, 0.92]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert evidence.mean_interval(values, 0.95) == pytest.approx(tuple(expected), abs=1e-6)


def test_mcnemar_counts_the_images_that_one_model_alone_has_right() -> None:
    (row,) = evidence.pairs(answers(80, 9, 2, 9), confidence=0.95, min_seeds=5)
    assert (row["only_model_right"], row["only_other_right"], row["difference"]) == (9, 2, 0.07)
    assert row["p"] == row["p_holm"] == pytest.approx(stats.binomtest(2, 11).pvalue, rel=5e-3)
    assert (row["seeds"], row["seeds_p"], row["seeds_p_holm"]) == (1, None, None)


def test_the_interval_of_a_difference_is_agrestis_and_mins() -> None:
    (row,) = evidence.pairs(answers(7000, 900, 600, 1500), confidence=0.95, min_seeds=5)
    images, only, only_other = 10_002, 900.5, 600.5
    middle = (only - only_other) / images
    half = 1.959964 * np.sqrt(only + only_other - (only - only_other) ** 2 / images) / images
    assert (row["low"], row["high"]) == pytest.approx((middle - half, middle + half), abs=1e-5)


def test_models_that_answer_alike_are_not_told_apart_and_their_interval_has_a_width() -> None:
    tested = evidence.pairs(answers(90, 0, 0, 10), confidence=0.95, min_seeds=5)
    assert tested[0]["p"] == 1.0
    assert tested[0]["low"] < 0 < tested[0]["high"]
    assert evidence.not_told_apart(tested, "a", 0.95) == ["b"]
    assert evidence.not_told_apart(tested, "b", 0.95) == ["a"]


def test_holms_correction_by_hand() -> None:
    """Smallest p times 3, next times 2, largest times 1, never falling: Holm 1979."""
    right = {"a": np.ones((1, 40), bool), "b": np.ones((1, 40), bool), "c": np.ones((1, 40), bool)}
    right["b"][0, :6] = False
    right["c"][0, 6:14] = False
    rows = evidence.pairs(right, confidence=0.95, min_seeds=5)
    p = {(row["model"], row["other"]): row["p"] for row in rows}
    assert p == {("a", "b"): 0.0312, ("a", "c"): 0.00781, ("b", "c"): 0.791}
    assert [row["p_holm"] for row in rows] == [0.0625, 0.0234, 0.791]
    assert [evidence.not_told_apart(rows, name, 0.95) for name in right] == [["b"], ["a", "c"], ["b"]]


def test_the_paired_test_over_seeds_is_that_of_scipy() -> None:
    right = {"a": RNG.random((5, 1000)) < 0.92, "b": RNG.random((6, 1000)) < 0.9, "c": RNG.random((1, 1000)) < 0.9}
    rows = evidence.pairs(right, confidence=0.95, min_seeds=5)
    expected = stats.ttest_rel(right["a"].mean(axis=1), right["b"][:5].mean(axis=1))
    assert [row["seeds"] for row in rows] == [5, 1, 1]
    assert rows[0]["seeds_p"] == rows[0]["seeds_p_holm"] == pytest.approx(expected.pvalue, rel=5e-3)
    interval = expected.confidence_interval(0.95)
    assert (rows[0]["seeds_low"], rows[0]["seeds_high"]) == pytest.approx(tuple(interval), abs=1e-6)
    assert [row["seeds_p"] for row in rows[1:]] == [None, None]


def test_differences_that_do_not_vary_are_not_tested() -> None:
    right = {"a": np.ones((5, 30), bool), "b": np.ones((5, 30), bool)}
    right["b"][:, 0] = False
    (row,) = evidence.pairs(right, confidence=0.95, min_seeds=5)
    assert row["seeds_p"] is None


def test_the_reliability_diagram_is_that_of_scikit_learn() -> None:
    probabilities, y = RNG.dirichlet(np.ones(5) / 3, 500), RNG.integers(0, 5, 500)
    rows = evidence.calibration(probabilities, y, 10)
    accuracy, confidence = calibration_curve(probabilities.argmax(axis=1) == y, probabilities.max(axis=1), n_bins=10)
    assert [row["accuracy"] for row in rows] == pytest.approx(accuracy, abs=1e-6)
    assert [row["confidence"] for row in rows] == pytest.approx(confidence, abs=1e-6)
    assert sum(row["images"] for row in rows) == 500


def test_calibration_by_hand() -> None:
    """Of three images at 0.8 two are right, the one at 0.6 is wrong: gaps 2/15 and 0.6, weights 3/4 and 1/4."""
    probabilities, y = np.array([[0.8, 0.2]] * 3 + [[0.4, 0.6]]), np.array([0, 0, 1, 0])
    diagram = evidence.calibration(probabilities, y, 5)
    assert [(row["low"], row["high"], row["images"]) for row in diagram] == [(0.4, 0.6, 1), (0.6, 0.8, 3)]
    assert evidence.ece(diagram) == pytest.approx(0.25, abs=1e-6)
    assert evidence.brier(probabilities, y) == pytest.approx((0.08 + 0.08 + 1.28 + 0.72) / 4)


def test_a_model_that_is_right_whenever_it_is_sure_has_no_calibration_error() -> None:
    y = RNG.integers(0, 5, 50)
    sure = np.eye(5, dtype=np.float32)[y]
    assert (evidence.ece(evidence.calibration(sure, y, 15)), evidence.brier(sure, y)) == (0, 0)


def test_the_front_has_the_models_that_no_other_beats() -> None:
    assert evidence.front([1, 2, 3, 2], [0.8, 0.9, 0.9, 0.7]) == [True, True, False, False]
    assert evidence.front([1, 1], [0.5, 0.5]) == [True, True]
