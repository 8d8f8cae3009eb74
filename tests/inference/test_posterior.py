import numpy as np
import pytest
from scipy import stats

from src.inference.groupings import groupings
from src.inference.posterior import (
    author_prior,
    credible_set,
    log_likelihood,
    n_moves,
    posterior,
    summary,
    together,
)


def test_a_curve_is_summed_up_from_the_given_epoch_on() -> None:
    curves = np.arange(12.0).reshape(3, 4)
    assert summary(curves, 2).tolist() == [6, 7, 8, 9]
    assert summary(np.stack([curves, curves + 1], axis=1), 3).tolist() == [[8, 9, 10, 11], [9, 10, 11, 12]]


def test_the_density_of_one_number_is_students() -> None:
    errors = np.array([[1.0], [3.0], [5.0]])  # mean 3, standard deviation 2
    expected = stats.t.logpdf([0, 3, 10], df=2, loc=3, scale=2 * np.sqrt(1 + 1 / 3))
    assert log_likelihood(np.array([[0.0], [3], [10]]), errors) == pytest.approx(expected)


def test_the_density_is_that_of_one_more_error_of_a_normal_distribution() -> None:
    """Squared distances from the mean have Hotelling's distribution, whatever the mean and the covariance are."""
    rng, n, k, d = np.random.default_rng(1), 4000, 12, 4
    mix = rng.normal(size=(d, d))
    inside = 0
    for _ in range(n):
        *errors, new = rng.normal(size=(k + 1, d)) @ mix + 3
        center = log_likelihood(np.mean(errors, axis=0)[None], np.array(errors))
        drop = center - log_likelihood(new[None], np.array(errors))
        # The log density falls by (k / 2) log(1 + d F / (k - d)) for a distance of F, of d and k - d degrees.
        inside += bool(drop[0] <= k / 2 * np.log1p(d / (k - d) * stats.f.ppf(0.95, d, k - d)))
    assert inside / n == pytest.approx(0.95, abs=0.01)


def test_a_posterior_is_prior_times_likelihood() -> None:
    logs, prior = np.log([0.2, 0.4, 0.4]), np.array([0.5, 0.25, 0.25])
    assert posterior(logs, prior, 1) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert posterior(logs, np.ones(3), 0.5) == pytest.approx(np.sqrt([0.2, 0.4, 0.4]) / np.sqrt([0.2, 0.4, 0.4]).sum())
    assert posterior(logs - 5000, prior, 1) == pytest.approx([1 / 3, 1 / 3, 1 / 3])  # no underflow


def test_a_credible_set_has_no_more_than_it_needs() -> None:
    probabilities = np.array([0.1, 0.6, 0.05, 0.25])
    assert credible_set(probabilities, 0.6).tolist() == [1]
    assert credible_set(probabilities, 0.61).tolist() == [1, 3]
    assert credible_set(probabilities, 0.95).tolist() == [1, 3, 0]


def test_the_authors_prior_counts_wrong_garments_and_sums_over_names() -> None:
    written = np.array([1, 0, 2])
    labels = groupings([1, 1, 1])  # one grouping, by six names
    assert author_prior(labels, [1, 1, 1], written, 0.2).tolist() == [1]
    sizes, written = [2, 1], np.array([0, 0, 0])  # contradicts the sizes: one garment must be wrong
    labels = groupings(sizes)
    assert author_prior(labels, sizes, written, 0.1) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert n_moves(labels, sizes, written).tolist() == [1, 1, 1]
    prior = author_prior(labels, sizes, np.array([0, 0, 1]), 0.1)
    assert prior == pytest.approx(np.array([0.9**3, 0.9 * 0.1**2, 0.9 * 0.1**2]) / (0.9**3 + 2 * 0.9 * 0.1**2))
    assert n_moves(labels, sizes, np.array([0, 0, 1])).tolist() == [0, 2, 2]


def test_the_course_has_three_mappings_one_garment_away() -> None:
    written = np.array([0, 2, 2, 4, 2, 1, 0, 3, 3, 4])
    moves = n_moves(groupings([2, 1, 2, 2, 3]), [2, 1, 2, 2, 3], written)
    assert ((moves == 1).sum(), moves.min()) == (3, 1)  # one of three garments goes from label 2 to 4


def test_garments_share_a_label_as_often_as_their_groupings_are_probable() -> None:
    labels = groupings([2, 1])  # {0, 1}, {0, 2}, {1, 2}
    shares = together(labels, np.array([0.5, 0.3, 0.2]))
    assert shares == pytest.approx(np.array([[1, 0.5, 0.3], [0.5, 1, 0.2], [0.3, 0.2, 1]]))
