"""Calibration: whether a model is right as often as it says it is."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from src.comparison.statistics import DIGITS


class Bin(TypedDict):
    """Images of which the model is about equally confident: how many, its mean confidence, and its accuracy."""

    bin_low: float
    bin_high: float
    count: int
    confidence: float
    accuracy: float


def reliability_bins(probabilities: np.ndarray, y: np.ndarray, n_bins: int) -> list[Bin]:
    """A reliability diagram of (n, classes) probabilities and (n,) labels: bins of equal width that have images.

    Confidence is the largest probability; a model is calibrated if in each bin its mean is the accuracy.
    """
    confidence, correct = _confidence(probabilities), probabilities.argmax(axis=1) == y
    edges = np.linspace(0, 1, n_bins + 1)
    members = _members(confidence, n_bins)
    return [
        {
            "bin_low": round(float(edges[number]), DIGITS),
            "bin_high": round(float(edges[number + 1]), DIGITS),
            "count": int(inside.sum()),
            "confidence": round(float(confidence[inside].mean()), DIGITS),
            "accuracy": round(float(correct[inside].mean()), DIGITS),
        }
        for number, inside in enumerate(members)
        if inside.any()
    ]


def ece(bins: Sequence[Bin]) -> float:
    """Expected calibration error in [0, 1]: mean gap of accuracy and confidence over images (Naeini et al. 2015)."""
    gaps = [abs(row["accuracy"] - row["confidence"]) for row in bins]
    return round(float(np.average(gaps, weights=[row["count"] for row in bins])), DIGITS)


def ece_floor(probabilities: np.ndarray, n_bins: int) -> float:
    """The ECE to be expected of a perfectly calibrated model with these (n, classes) probabilities.

    Its number of correct images in a bin varies by chance; the mean deviation is that of a normal distribution.
    """
    confidence = _confidence(probabilities)
    variances = [(confidence[inside] * (1 - confidence[inside])).sum() for inside in _members(confidence, n_bins)]
    return round(float(np.sqrt(2 / np.pi * np.array(variances)).sum() / len(confidence)), DIGITS)


def brier(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Brier's score (1950), in [0, 2]: mean squared distance of (n, classes) probabilities to the one-hot labels."""
    from sklearn.metrics import brier_score_loss

    labels = range(probabilities.shape[1])
    return round(float(brier_score_loss(y, probabilities, labels=labels, scale_by_half=False)), DIGITS)


def _confidence(probabilities: np.ndarray) -> np.ndarray:
    """The largest probability of each image, (n,) float64; float32 sums may exceed 1 by a rounding error."""
    return probabilities.max(axis=1).astype(float).clip(0, 1)


def _members(confidence: np.ndarray, n_bins: int) -> list[np.ndarray]:
    """Which images are in each bin, (n,) bool each."""
    number = np.digitize(confidence, np.linspace(0, 1, n_bins + 1)[1:-1], right=True)
    return [number == index for index in range(n_bins)]
