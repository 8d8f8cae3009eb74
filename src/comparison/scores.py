"""Scores of predictions: accuracy, precision, recall, F1 and the confusion matrix."""

from typing import NamedTuple

import numpy as np


class ClassScores(NamedTuple):
    """Scores of one label, in [0, 1], and its number of images (support)."""

    precision: float
    recall: float
    f1: float
    support: int


def accuracy(predicted: np.ndarray, y: np.ndarray) -> float:
    """The share of (n,) predicted labels that are the true ones y, in [0, 1]."""
    return float((predicted == y).mean())


def surest_mistakes(probabilities: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """The places of the n wrong predictions with the highest probabilities, the highest first: (at most n,) int64.

    probabilities: (images, classes). y: (images,) labels.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != y)
    surest: np.ndarray = wrong[probabilities.max(axis=1)[wrong].argsort(kind="stable")[::-1][:n]]
    return surest


def class_scores(predicted: np.ndarray, y: np.ndarray, classes: int) -> list[ClassScores]:
    """The scores of each label 0..classes-1. Precision is 0 for a label that is never predicted."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(y, predicted, labels=np.arange(classes), zero_division=0)
    return [ClassScores(float(p), float(r), float(f1), int(n)) for p, r, f1, n in zip(*columns, strict=True)]


def confusion_matrix(predicted: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Counts of images, (classes, classes) int64: rows are the true labels, columns the predicted ones."""
    from sklearn import metrics

    counts: np.ndarray = metrics.confusion_matrix(y, predicted, labels=np.arange(classes))
    return counts
