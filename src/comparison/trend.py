"""Whether a learning curve still falls or rises at its end."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MIN_EPOCHS = 4  # a line through fewer has no usable residuals
AUTOCORRELATION = 0.5  # of successive epochs' noise; that of the trainings here is below zero


class Estimate(NamedTuple):
    """A number of one run, and its standard error with degrees of freedom; None where the run alone tells none."""

    value: float
    std_error: float | None = None
    dof: float = math.inf

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """The t interval of the value, for this run alone."""
        from scipy import stats

        if self.std_error is None:
            return None
        half = float(stats.t.ppf((1 + confidence) / 2, self.dof)) * self.std_error
        return self.value - half, self.value + half


def final_slope(losses: Sequence[float]) -> Estimate:
    """The slope per epoch of a straight line through the last third of a curve, at least through MIN_EPOCHS values.

    A slope does not favour either direction, unlike the last value less the lowest one. The standard error is that of
    regression, widened as if the noise of successive epochs were correlated by AUTOCORRELATION: the slope of flat,
    noisy curves is then taken for a trend in at most 5% of cases (tests/comparison/test_trend.py).
    """
    y = np.array(losses[-max(MIN_EPOCHS, math.ceil(len(losses) / 3)) :])
    epochs = np.arange(len(y)) - (len(y) - 1) / 2
    slope = epochs @ y / (epochs @ epochs)
    residuals = y - y.mean() - slope * epochs
    dof = len(y) - 2
    std_error = math.sqrt(residuals @ residuals / dof / (epochs @ epochs))
    widening = math.sqrt((1 + AUTOCORRELATION) / (1 - AUTOCORRELATION))
    return Estimate(float(slope), std_error * widening, dof)
