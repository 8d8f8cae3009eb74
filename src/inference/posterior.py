"""How probable each grouping is, given published learning curves: a likelihood, priors, and credible sets.

A learning curve comes in as four numbers, the means over its epochs of the accuracies and losses in training and
validation. A grouping predicts them by the surrogates; how far a training on hidden labels lies from that was measured
on hidden mappings, and is normal with unknown mean and covariance. So the published curve minus the prediction has a
multivariate t distribution (Gelman et al., Bayesian Data Analysis, 3rd ed., 3.6).
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np


def summary(curves: np.ndarray, first_epoch: int) -> np.ndarray:
    """Means over the epochs from first_epoch on, counted from 1: (epochs, ..., 4) -> (..., 4)."""
    return curves[first_epoch - 1 :].mean(axis=0)


def log_likelihood(differences: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Log density of each row of differences (n, d) as one more of the k errors (k, d), k > d: (n,) float64."""
    from scipy.stats import multivariate_t

    k, d = errors.shape
    freedom = k - d
    scale = np.cov(errors, rowvar=False) * (k - 1) / freedom * (1 + 1 / k)
    return np.atleast_1d(multivariate_t(errors.mean(axis=0), scale, freedom).logpdf(differences))


def posterior(log_likelihoods: np.ndarray, prior: np.ndarray, temper: float) -> np.ndarray:
    """The probability of each grouping: (n,) that add up to 1. The likelihood counts to the power of temper."""
    logs = temper * log_likelihoods + np.log(prior)
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def credible_set(probabilities: np.ndarray, level: float) -> np.ndarray:
    """The most probable groupings, in this order, that together reach the level: their numbers."""
    order = np.argsort(-probabilities, kind="stable")
    enough = int(np.searchsorted(probabilities[order].cumsum(), level * (1 - 1e-12))) + 1
    return order[:enough]


def author_prior(labels: np.ndarray, sizes: Sequence[int], written: np.ndarray, error: float) -> np.ndarray:
    """A prior by which the author named each garment's label wrongly with probability `error`: (n,) that add up to 1.

    Each wrong label is as likely as another. labels: (n, garments) groupings; written: (garments,) the author's labels.
    The names of groups of one size are not known: a grouping's prior is the sum over them.
    """
    total = np.zeros(len(labels))
    for names in _renamings(sizes):
        wrong = (names[labels] != written).sum(axis=1)
        total += (1 - error) ** (len(written) - wrong) * (error / (len(sizes) - 1)) ** wrong
    return total / total.sum()


def _renamings(sizes: Sequence[int]) -> list[np.ndarray]:
    """The permutations of the groups that keep their sizes."""
    every = permutations(range(len(sizes)))
    return [np.array(names) for names in every if [sizes[name] for name in names] == list(sizes)]


def n_moves(labels: np.ndarray, sizes: Sequence[int], written: np.ndarray) -> np.ndarray:
    """How many garments of each grouping have another label than the author wrote, with the best names: (n,) ints."""
    return np.min([(names[labels] != written).sum(axis=1) for names in _renamings(sizes)], axis=0)


def together(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The probability that two garments share a label: (garments, garments)."""
    return np.einsum("n,nij->ij", probabilities, labels[:, :, None] == labels[:, None, :])
