from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.assignment import agreeing, assignment, places, runner_up, weigh


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A table of two to six garments and two or three labels, and places that add up."""
    labels = draw(st.integers(2, 3))
    fit = np.array(draw(st.lists(st.integers(1, 2), min_size=labels, max_size=labels)))
    fits = np.repeat(np.arange(labels), fit)
    cells = st.lists(st.integers(0, 20), min_size=labels, max_size=labels)
    return np.array(draw(st.lists(cells, min_size=len(fits), max_size=len(fits)))), fit


def all_mappings(fit: np.ndarray) -> list[np.ndarray]:
    return [np.array(mapping) for mapping in set(permutations(np.repeat(np.arange(len(fit)), fit).tolist()))]


@given(problems())
def test_best_and_runner_up_are_those_of_all_mappings(problem: tuple[np.ndarray, np.ndarray]) -> None:
    table, fit = problem
    sums = sorted((int(agreeing(table, mapping).sum()) for mapping in all_mappings(fit)), reverse=True)
    best = assignment(table, fit)
    second = runner_up(table, fit, best)
    assert [int(agreeing(table, mapping).sum()) for mapping in (best, second)] == sums[:2]
    assert (best != second).any()
    assert np.bincount(best).tolist() == np.bincount(second).tolist() == fit.tolist()


def test_counts_overrule_the_most_frequent_label() -> None:
    table = np.array([[9, 1], [6, 5], [8, 2]])
    assert assignment(table, np.array([2, 1])).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([2000, 1000, 2000, 2000, 3000], [2, 1, 2, 2, 3]),
        ([2000, 1125, 2000, 2000, 2875], [2, 1, 2, 2, 3]),  # what 10 % flipped at random are expected to leave
        ([5500, 1125, 1125, 1125, 1125], [6, 1, 1, 1, 1]),
        ([9990, 10], [10, 0]),
    ],
)
def test_places_by_hand(counts: list[int], found: list[int]) -> None:
    assert places(np.array(counts), 10).tolist() == found


def weighed(table: list[list[int]], counts: list[int] | None = None) -> dict[str, Any]:
    array = np.array(table)
    found = weigh(array, array.sum(axis=0) if counts is None else np.array(counts), 0.7, 0.95)
    assert found
    return found


def test_a_clear_mapping_leaves_no_doubt() -> None:
    found = weighed([[90, 10], [80, 20], [30, 70]], [200, 100])
    assert found["best"].tolist() == [0, 0, 1]
    assert found["runner_up"].tolist() == [0, 1, 0]
    assert found["agreement"]["share"] == 240 / 300
    assert (found["margin"], found["contested"]["images"], found["contested"]["share"]) == (100, 200, 0.75)
    assert found["doubts"] == []


def test_a_margin_within_noise_is_doubted() -> None:
    assert weighed([[90, 10], [52, 48], [48, 52]], [200, 100])["doubts"][0] == "the margin is within noise"
    tied = weighed([[50, 50], [50, 50]])
    assert tied["margin"] == 0
    assert tied["doubts"]


def test_a_mapping_that_few_images_agree_with_is_doubted() -> None:
    found = weighed([[650, 350], [350, 650]])
    assert found["doubts"] == ["less than 70% of the images agree"]


def test_even_counts_overrule_the_images() -> None:
    found = weighed([[950, 50], [600, 400], [800, 200]], [2000, 1000])
    assert (found["best"].tolist(), found["doubts"]) == ([0, 1, 0], [])


def test_uneven_counts_do_not_overrule_the_images() -> None:
    table = [[900, 100]] * 9 + [
        [100, 900]
    ]  # nine garments and one, 10 % flipped: the counts come nearer to eight and two
    assert weighed(table)["doubts"] == ["the margin is within noise", "counts and images contradict"]
    assert places(np.array(table).sum(axis=0), 10).tolist() == [8, 2]


def test_a_label_with_too_few_images_for_a_garment_fits_no_mapping() -> None:
    assert weigh(np.array([[99, 1], [100, 0]]), np.array([199, 1]), 0.7, 0.95) is None
