import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from src.comparison.calibration import brier, ece, ece_floor, reliability_bins

RNG = np.random.default_rng(0)


def test_the_reliability_diagram_is_that_of_scikit_learn() -> None:
    probabilities, y = RNG.dirichlet(np.ones(5) / 3, 500), RNG.integers(0, 5, 500)
    rows = reliability_bins(probabilities, y, 10)
    accuracy, confidence = calibration_curve(probabilities.argmax(axis=1) == y, probabilities.max(axis=1), n_bins=10)
    assert [row["accuracy"] for row in rows] == pytest.approx(accuracy, abs=1e-6)
    assert [row["confidence"] for row in rows] == pytest.approx(confidence, abs=1e-6)
    assert sum(row["count"] for row in rows) == 500


def test_calibration_by_hand() -> None:
    """Of three images at 0.8 two are right, the one at 0.6 is wrong: gaps 2/15 and 0.6, weights 3/4 and 1/4."""
    probabilities, y = np.array([[0.8, 0.2]] * 3 + [[0.4, 0.6]]), np.array([0, 0, 1, 0])
    bins = reliability_bins(probabilities, y, 5)
    assert [(row["bin_low"], row["bin_high"], row["count"]) for row in bins] == [(0.4, 0.6, 1), (0.6, 0.8, 3)]
    assert ece(bins) == pytest.approx(0.25, abs=1e-6)
    assert brier(probabilities, y) == pytest.approx((0.08 + 0.08 + 1.28 + 0.72) / 4)


def test_a_model_that_is_right_whenever_it_is_sure_has_no_calibration_error() -> None:
    y = RNG.integers(0, 5, 50)
    sure = np.eye(5, dtype=np.float32)[y]
    assert (ece(reliability_bins(sure, y, 15)), ece_floor(sure, 15), brier(sure, y)) == (0, 0, 0)


def test_the_floor_is_the_mean_ece_of_simulated_calibrated_models() -> None:
    confidence = RNG.uniform(0.5, 1, 2000)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    simulated = [
        ece(reliability_bins(probabilities, (RNG.random(2000) > confidence).astype(int), 15)) for _ in range(200)
    ]
    assert ece_floor(probabilities, 15) == pytest.approx(np.mean(simulated), rel=0.05)
