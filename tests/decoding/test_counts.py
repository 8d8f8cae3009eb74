import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from src.counting import by_garment, contingency, coverage, cross, fitting_mappings, proportion
from src.prepare import AMBIGUOUS, UNKNOWN


def test_cross_counts_each_pair() -> None:
    assert cross(np.array([0, 1, 1, 1]), np.array([2, 0, 2, 2]), 2, 3).tolist() == [[0, 0, 1], [1, 0, 2]]


def test_contingency_by_hand() -> None:
    split = {"garments": np.array([0, 0, 1, UNKNOWN]), "y": np.array([1, 1, 0, 0])}
    assert contingency(split, labels=2, garments=3).tolist() == [[0, 2], [1, 0], [0, 0]]


def test_coverage_tells_apart_the_known_the_ambiguous_and_the_unknown() -> None:
    garments = np.array([0, 9, 3, AMBIGUOUS, UNKNOWN, UNKNOWN])
    assert coverage(garments) == {"images": 6, "known": 3, "ambiguous": 1, "unknown": 2}


def test_a_table_by_garment_leaves_out_zeros() -> None:
    table = np.array([[3, 0], [1, 2], [0, 0]])
    named = by_garment(table, ["a", "b"], ["Bag", "Coat", "Dress"])
    assert named == {"Bag": {"a": 3}, "Coat": {"a": 1, "b": 2}, "Dress": {}}


@given(st.integers(1, 7000), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_of_a_share_cuts_off_equal_tails_of_the_binomial(n: int, share: float, level: float) -> None:
    part = round(n * share)
    found = proportion(part, n, level)
    low, high = found["interval"]
    assert found["share"] == part / n
    assert low <= found["share"] <= high
    tail = (1 - level) / 2
    assert binom.sf(part - 1, n, low) == pytest.approx(tail, rel=1e-6) if part else low == 0
    assert binom.cdf(part, n, high) == pytest.approx(tail, rel=1e-6) if part < n else high == 1


def test_nothing_says_nothing() -> None:
    assert proportion(0, 0, 0.95) == {"images": 0, "share": None, "interval": [0.0, 1.0]}


def test_the_published_counts_leave_75600_mappings() -> None:
    y = np.repeat(np.arange(5), [2000, 1000, 2000, 2000, 3000])
    assert fitting_mappings(y, 5, 10) == 75_600
    assert fitting_mappings(y[1:], 5, 10) is None
    assert fitting_mappings(np.array([0, 1]), 2, 2) == 2
