import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import cohen_kappa_score

from src.decoding.counts import (
    apportion,
    clopper_pearson,
    cohen_kappa,
    contingency,
    coverage,
    crosstab,
    fitting_mappings,
)
from src.images.store import AMBIGUOUS, UNKNOWN


def test_a_crosstab_counts_each_pair() -> None:
    assert crosstab(np.array([0, 1, 1, 1]), np.array([2, 0, 2, 2]), 2, 3).tolist() == [[0, 0, 1], [1, 0, 2]]


def test_contingency_by_hand() -> None:
    garments, y = np.array([0, 0, 1, UNKNOWN, AMBIGUOUS]), np.array([1, 1, 0, 0, 1])
    assert contingency(garments, y, n_garments=3, n_groups=2).tolist() == [[0, 2], [1, 0], [0, 0]]


def test_coverage_tells_apart_the_known_the_ambiguous_and_the_unknown() -> None:
    garments = np.array([0, 9, 3, AMBIGUOUS, UNKNOWN, UNKNOWN])
    assert coverage(garments) == {"images": 6, "known": 3, "ambiguous": 1, "unknown": 2}


@given(st.integers(1, 7000), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_of_a_share_cuts_off_equal_tails_of_the_binomial(n: int, share: float, level: float) -> None:
    part = round(n * share)
    proportion = clopper_pearson(part, n, level)
    low, high = proportion["interval"]
    assert proportion["share"] == part / n
    assert low <= part / n <= high
    tail = (1 - level) / 2
    assert binom.sf(part - 1, n, low) == pytest.approx(tail, rel=1e-6) if part else low == 0
    assert binom.cdf(part, n, high) == pytest.approx(tail, rel=1e-6) if part < n else high == 1


def test_nothing_says_nothing() -> None:
    assert clopper_pearson(0, 0, 0.95) == {"images": 0, "share": None, "interval": [0.0, 1.0]}


def test_the_published_counts_leave_75600_mappings() -> None:
    counts = np.array([2000, 1000, 2000, 2000, 3000])
    assert fitting_mappings(counts, 10) == fitting_mappings(counts, 0) == 75_600
    assert fitting_mappings(counts - [1, 0, 0, 0, 0], 10) is None
    assert fitting_mappings(np.array([1, 1]), 2) == 2


def test_kappa_is_scikit_learns() -> None:
    first, second = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 2, 0, 2])
    assert cohen_kappa(crosstab(first, second, 3, 3)) == pytest.approx(cohen_kappa_score(first, second))
    assert cohen_kappa(np.array([[7, 0], [0, 0]])) is cohen_kappa(np.zeros((2, 2), int)) is None


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ([2000, 1000, 2000, 2000, 3000], [2, 1, 2, 2, 3]),
        ([2000, 1125, 2000, 2000, 2875], [2, 1, 2, 2, 3]),  # what 10 % flipped at random are expected to leave
        ([5500, 1125, 1125, 1125, 1125], [6, 1, 1, 1, 1]),
        ([9990, 10], [10, 0]),
    ],
)
def test_garments_are_apportioned_by_hand(counts: list[int], sizes: list[int]) -> None:
    assert apportion(np.array(counts), 10).tolist() == sizes
