import numpy as np

from src.counting import contingency, count_check, coverage, cross, fitting_mappings
from src.prepare import AMBIGUOUS, UNKNOWN


def test_cross_counts_each_pair() -> None:
    assert cross(np.array([0, 1, 1, 1]), np.array([2, 0, 2, 2]), 2, 3).tolist() == [[0, 0, 1], [1, 0, 2]]


def test_contingency_by_hand() -> None:
    split = {"garments": np.array([0, 0, 1, UNKNOWN]), "y": np.array([1, 1, 0, 0])}
    assert contingency(split, labels=2, garments=3).tolist() == [[0, 2], [1, 0], [0, 0]]


def test_coverage_tells_apart_the_known_the_ambiguous_and_the_unknown() -> None:
    garments = np.array([0, 9, 3, AMBIGUOUS, UNKNOWN, UNKNOWN])
    assert coverage(garments) == {"images": 6, "known": 3, "ambiguous": 1, "unknown": 2}


def test_the_count_check_compares_each_label_with_its_garments() -> None:
    splits = {"test": {"y": np.array([0, 0, 1]), "garments": np.array([0, 1, 1])}}
    tables = {"test": contingency(splits["test"], labels=2, garments=2)}
    decoding = {"a": {"garments": ["Bag"]}, "b": {"garments": ["Coat"]}}
    assert count_check(splits, tables, decoding, ["a", "b"], ["Bag", "Coat"]) == {
        "test": {
            "a": {"images": 2, "expected": 1, "agrees": False},
            "b": {"images": 1, "expected": 2, "agrees": False},
        }
    }
    decoding = {"a": {"garments": []}, "b": {"garments": ["Bag"]}}
    assert count_check(splits, tables, decoding, ["a", "b"], ["Bag", "Coat"])["test"]["b"]["agrees"]


def test_the_published_counts_leave_75600_mappings() -> None:
    y = np.repeat(np.arange(5), [2000, 1000, 2000, 2000, 3000])
    assert fitting_mappings(y, 5, 10) == 75_600
    assert fitting_mappings(y[1:], 5, 10) is None
    assert fitting_mappings(np.array([0, 1]), 2, 2) == 2
