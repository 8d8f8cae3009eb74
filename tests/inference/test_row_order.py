import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from src.inference.row_order import bayes_factor, count_random, printed


def test_the_first_and_last_clusters_are_printed() -> None:
    assert printed(np.arange(10), 3).tolist() == [0, 1, 2, 7, 8, 9]


def test_random_orders_are_numbered_as_dbscan_numbers_them() -> None:
    """The share of orders that print the labels is that of running DBSCAN on each shuffled array."""
    x = np.array([0, 0.1, 0.2, 5, 5.1, 5.2, 5.3, 20])[:, None]
    fitted = DBSCAN(eps=0.15, min_samples=2).fit(x)
    core = np.isin(np.arange(len(x)), fitted.core_sample_indices_)
    rng, n, labels = np.random.default_rng(0), 4000, [0, 1]
    orders = [rng.permutation(len(x)) for _ in range(n)]
    clusters = (DBSCAN(eps=0.15, min_samples=2).fit_predict(x[order]) for order in orders)
    share = np.mean([printed(own, 1).tolist() == labels for own in clusters])
    assert count_random(fitted.labels_, core, labels, n, seed=1) / n == pytest.approx(share, abs=0.03)
    # By hand: the first and the last image from different clusters, in 2 x 3 x 4 of 8 x 7 pairs.
    assert share == pytest.approx(24 / 56, abs=0.03)


def test_the_bayes_factor_compares_shares() -> None:
    factor, least = bayes_factor(4, 9, 1, 1999)
    assert factor == pytest.approx((4.5 / 10) / (1.5 / 2000))
    assert 0 < least < factor
    assert bayes_factor(0, 9, 0, 1999)[1] == 0  # without a hit nothing is known
