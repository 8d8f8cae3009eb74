import math

import numpy as np
import pytest
from scipy import stats

from src.comparison.statistics import t_interval
from src.comparison.trend import AUTOCORRELATION, final_slope

EPOCHS = (5, 10, 50)
SIMULATED = 2000


def flat_curves(epochs: int, autocorrelation: float, n: int) -> np.ndarray:
    """(n, epochs) losses of a stationary AR(1) process around 0.3."""
    rng = np.random.default_rng(epochs)
    noise = rng.normal(0, 0.01, (n, epochs))
    for epoch in range(1, epochs):
        noise[:, epoch] = autocorrelation * noise[:, epoch - 1] + math.sqrt(1 - autocorrelation**2) * noise[:, epoch]
    return 0.3 + noise


def rates(intervals: list[tuple[float, float]]) -> tuple[float, float]:
    """Shares of the intervals that lie above zero ("rose") and below ("still fell")."""
    ends = np.array(intervals)
    return float((ends[:, 0] > 0).mean()), float((ends[:, 1] < 0).mean())


@pytest.mark.parametrize("autocorrelation", [-0.3, 0.0, 0.3, 0.5])
@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_flat_noisy_curve_of_one_seed_rarely_rises_or_falls(epochs: int, autocorrelation: float) -> None:
    intervals = [
        final_slope(curve.tolist()).interval(0.95) for curve in flat_curves(epochs, autocorrelation, SIMULATED)
    ]
    assert max(rates([interval for interval in intervals if interval])) <= 0.05


@pytest.mark.parametrize("autocorrelation", [0.0, 0.7])
@pytest.mark.parametrize("epochs", EPOCHS)
def test_flat_noisy_curves_of_five_seeds_rarely_rise_or_fall(epochs: int, autocorrelation: float) -> None:
    curves = flat_curves(epochs, autocorrelation, SIMULATED).reshape(-1, 5, epochs)
    slopes = [[final_slope(curve.tolist()).value for curve in seeds] for seeds in curves]
    assert max(rates([t_interval(values, 0.95) for values in slopes])) <= 0.05


@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_clear_trend_is_seen(epochs: int) -> None:
    curves = flat_curves(epochs, 0.0, 200) - 0.03 * np.arange(epochs)
    intervals = [interval for curve in curves if (interval := final_slope(curve.tolist()).interval(0.95))]
    assert rates(intervals)[1] > (0.9 if epochs == 50 else 0.3)


def test_the_slope_is_that_of_regression_over_the_last_third() -> None:
    losses = [0.9, 0.5, 0.4, 0.41, 0.38, 0.35, 0.36, 0.33, 0.34, 0.31, 0.32, 0.3, 0.31, 0.28, 0.29]
    expected = stats.linregress(range(5), losses[-5:])
    slope = final_slope(losses)
    widening = math.sqrt((1 + AUTOCORRELATION) / (1 - AUTOCORRELATION))
    assert (slope.value, slope.dof) == (pytest.approx(expected.slope), 3)
    assert slope.std_error == pytest.approx(expected.stderr * widening)


def test_a_short_curve_is_read_from_its_last_epochs() -> None:
    assert final_slope([9.0, 4.0, 3.0, 2.0, 1.0]).value == pytest.approx(-1)
