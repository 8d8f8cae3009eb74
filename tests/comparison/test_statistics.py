import numpy as np
import pytest
from scipy import stats

from src.comparison.statistics import crossed_interval, pareto_front, t_interval, wilson_interval


def test_wilsons_interval_is_that_of_scipy() -> None:
    expected = stats.binomtest(9406, 10_000).proportion_ci(0.95, method="wilson")
    assert wilson_interval(0.9406, 10_000, 0.95) == pytest.approx(tuple(expected), abs=1e-6)


def test_wilsons_interval_of_no_error_has_a_width_and_stays_below_one() -> None:
    assert wilson_interval(1.0, 100, 0.95) == (pytest.approx(100 / (100 + 1.959964**2), abs=1e-6), 1.0)


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = [0.91, 0.92, 0.935, 0.9, 0.92]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert t_interval(values, 0.95) == pytest.approx(tuple(expected), abs=1e-6)


def test_an_interval_over_seeds_and_images_by_hand() -> None:
    """Two seeds of 75 and 50%, four images of which the means are 1, 1, 0.5, 0."""
    correct = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)
    seeds, images = 0.25**2 / 2 / 2, np.var([1, 1, 0.5, 0], ddof=1) / 4
    noise = np.array([[-0.125, -0.125, 0.375, -0.125], [0.125, 0.125, -0.375, 0.125]])
    both = (noise**2).sum() / (1 * 3) / 8
    freedom = (seeds + images) ** 2 / (seeds**2 / 1 + images**2 / 3)
    half = stats.t.ppf(0.75, freedom) * np.sqrt(seeds + images - both)
    assert crossed_interval(correct, 0.5) == pytest.approx((0.625 - half, 0.625 + half), abs=1e-6)


def test_seeds_without_a_mistake_have_an_interval_without_a_width() -> None:
    assert crossed_interval(np.ones((2, 10), dtype=bool), 0.95) == (1, 1)


@pytest.mark.parametrize("seeds_differ", [0.0, 0.05, 0.3])
def test_an_interval_over_seeds_and_images_has_the_accuracy_as_often_as_it_says(seeds_differ: float) -> None:
    """Of a logistic model: 5 seeds and 400 images, of which some are harder."""
    rng, trials = np.random.default_rng(0), 1000

    def chances(seeds: int, images: int) -> np.ndarray:
        logits = 3 + rng.normal(0, seeds_differ, (seeds, 1)) + rng.normal(0, 2, images)
        return np.asarray(1 / (1 + np.exp(-logits)))

    truth = chances(2000, 2000).mean()
    covered = 0
    for _ in range(trials):
        low, high = crossed_interval(rng.random((5, 400)) < chances(5, 400), 0.95)
        covered += low <= truth <= high
    assert 0.93 < covered / trials < 0.99


def test_the_front_has_the_models_that_no_other_beats() -> None:
    assert pareto_front([1, 2, 3, 2], [0.8, 0.9, 0.9, 0.7]) == [True, True, False, False]
    assert pareto_front([1, 1], [0.5, 0.5]) == [True, True]
