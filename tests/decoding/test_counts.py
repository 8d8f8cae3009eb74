import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from src.decoding.counts import clopper_pearson, contingency, coverage, crosstab, fitting_mappings
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
