import pytest
from scipy import stats

from src.comparison.statistics import pareto_front, t_interval, wilson_interval


def test_wilsons_interval_is_that_of_scipy() -> None:
    expected = stats.binomtest(9406, 10_000).proportion_ci(0.95, method="wilson")
    assert wilson_interval(0.9406, 10_000, 0.95) == pytest.approx(tuple(expected), abs=1e-6)


def test_wilsons_interval_of_no_error_has_a_width_and_stays_below_one() -> None:
    assert wilson_interval(1.0, 100, 0.95) == (pytest.approx(100 / (100 + 1.959964**2), abs=1e-6), 1.0)


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = [0.91, 0.92, 0.935, 0.9, 0.92]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert t_interval(values, 0.95) == pytest.approx(tuple(expected), abs=1e-6)


def test_the_front_has_the_models_that_no_other_beats() -> None:
    assert pareto_front([1, 2, 3, 2], [0.8, 0.9, 0.9, 0.7]) == [True, True, False, False]
    assert pareto_front([1, 1], [0.5, 0.5]) == [True, True]
