import numpy as np
import pytest
from scipy import stats

from src.comparison.pairs import Pair, compare_pairs, tied_with

RNG = np.random.default_rng(0)


def answers(both: int, only_a: int, only_b: int, neither: int) -> dict[str, np.ndarray]:
    """Two models with one seed each that are right together, alone and never on so many images."""
    a = [True] * (both + only_a) + [False] * (only_b + neither)
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return {"a": np.array([a]), "b": np.array([b])}


def pairs(correct: dict[str, np.ndarray], margin: float = 0.005) -> list[Pair]:
    return compare_pairs(correct, confidence=0.95, min_seeds=5, margin=margin)


def test_mcnemar_counts_the_images_that_one_model_alone_has_right() -> None:
    (row,) = pairs(answers(80, 9, 2, 9))
    assert (row["n_only_a_correct"], row["n_only_b_correct"], row["difference"]) == (9, 2, 0.07)
    assert row["mcnemar_p"] == row["mcnemar_p_holm"] == pytest.approx(stats.binomtest(2, 11).pvalue, rel=5e-3)
    assert (row["n_seeds"], row["ttest_p"], row["ttest_p_holm"], row["verdict"]) == (1, None, None, "undecided")


def test_the_interval_of_a_difference_is_agrestis_and_mins() -> None:
    (row,) = pairs(answers(7000, 900, 600, 1500))
    n, only_a, only_b = 10_002, 900.5, 600.5
    middle = (only_a - only_b) / n
    half = 1.959964 * np.sqrt(only_a + only_b - (only_a - only_b) ** 2 / n) / n
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((middle - half, middle + half), abs=1e-5)


def test_the_intervals_hold_for_all_pairs_at_once() -> None:
    correct = {name: RNG.random((1, 2000)) < 0.9 for name in "abc"}
    (alone,) = pairs({name: correct[name] for name in "ab"})
    together = pairs(correct)[0]
    widths = [row["ci_high"] - row["ci_low"] for row in (alone, together)]
    assert widths[1] / widths[0] == pytest.approx(stats.norm.ppf(1 - 0.025 / 3) / stats.norm.ppf(0.975), abs=1e-3)


def test_models_that_answer_alike_are_equivalent_where_the_images_suffice() -> None:
    assert [row["verdict"] for row in pairs(answers(90, 0, 0, 10))] == ["undecided"]
    (row,) = pairs(answers(9000, 5, 5, 990))
    assert (row["verdict"], row["mcnemar_p"]) == ("equivalent", 1.0)
    assert row["ci_low"] < 0 < row["ci_high"]


def test_the_equivalence_is_that_of_two_one_sided_tests() -> None:
    only_a, only_b = 350, 310
    (row,) = pairs(answers(9000, only_a, only_b, 340), margin=1)
    n = 10_002
    middle = (only_a - only_b) / n
    error = np.sqrt((only_a + only_b + 1) / n - middle**2) / np.sqrt(n)
    bound = middle + 1.644854 * error
    assert row["verdict"] == "equivalent"
    for margin, verdict in ((bound * 1.01, "equivalent"), (bound * 0.99, "undecided")):
        assert pairs(answers(9000, only_a, only_b, 340), margin=margin)[0]["verdict"] == verdict


def test_holms_correction_by_hand() -> None:
    """Smallest p times 3, next times 2, largest times 1, never falling: Holm 1979."""
    correct = {name: np.ones((1, 40), bool) for name in "abc"}
    correct["b"][0, :6] = False
    correct["c"][0, 6:14] = False
    rows = pairs(correct)
    assert [row["mcnemar_p"] for row in rows] == [0.0312, 0.00781, 0.791]
    assert [row["mcnemar_p_holm"] for row in rows] == [0.0625, 0.0234, 0.791]
    assert [row["verdict"] for row in rows] == ["undecided", "different", "undecided"]
    assert [tied_with(rows, name) for name in "abc"] == [["b"], ["a", "c"], ["b"]]


def test_the_paired_test_over_seeds_is_that_of_scipy() -> None:
    correct = {"a": RNG.random((5, 1000)) < 0.92, "b": RNG.random((6, 1000)) < 0.9, "c": RNG.random((1, 1000)) < 0.9}
    rows = pairs(correct)
    expected = stats.ttest_rel(correct["a"].mean(axis=1), correct["b"][:5].mean(axis=1))
    assert [row["n_seeds"] for row in rows] == [5, 1, 1]
    assert rows[0]["ttest_p"] == rows[0]["ttest_p_holm"] == pytest.approx(expected.pvalue, rel=5e-3)
    interval = expected.confidence_interval(0.95)
    assert (rows[0]["seeds_ci_low"], rows[0]["seeds_ci_high"]) == pytest.approx(tuple(interval), abs=1e-6)
    assert [row["ttest_p"] for row in rows[1:]] == [None, None]


def test_over_enough_seeds_the_seeds_decide_and_not_the_images_of_the_first() -> None:
    correct = {"a": np.ones((5, 1000), bool), "b": np.ones((5, 1000), bool)}
    for seed, errors in enumerate((60, 0, 1, 0, 2)):
        correct["b"][seed, :errors] = False
    (row,) = pairs(correct)
    assert row["mcnemar_p_holm"] < 1e-10
    assert (row["ttest_p_holm"] or 0) > 0.05
    assert row["verdict"] == "undecided"


def test_differences_that_do_not_vary_are_left_to_the_images() -> None:
    correct = {"a": np.ones((5, 30), bool), "b": np.ones((5, 30), bool)}
    correct["b"][:, :9] = False
    (row,) = pairs(correct)
    assert (row["ttest_p"], row["verdict"]) == (None, "different")


def test_a_p_value_is_never_written_as_zero() -> None:
    (row,) = pairs(answers(0, 3000, 0, 0))
    assert row["mcnemar_p"] == row["mcnemar_p_holm"] == 1e-300


def test_a_single_model_has_no_pair() -> None:
    assert pairs({"a": np.ones((1, 3), bool)}) == []
