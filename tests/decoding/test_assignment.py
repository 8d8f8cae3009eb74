from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.decoding.assignment import apportion, assignment, best_mapping, matched, runner_up
from src.decoding.records import MappingChoice


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A table of two to six garments and two or three labels, and how many garments each label has."""
    labels = draw(st.integers(2, 3))
    sizes = np.array(draw(st.lists(st.integers(1, 2), min_size=labels, max_size=labels)))
    by_garment = np.repeat(np.arange(labels), sizes)
    cells = st.lists(st.integers(0, 20), min_size=labels, max_size=labels)
    return np.array(draw(st.lists(cells, min_size=len(by_garment), max_size=len(by_garment)))), sizes


def all_mappings(sizes: np.ndarray) -> list[np.ndarray]:
    return [np.array(mapping) for mapping in set(permutations(np.repeat(np.arange(len(sizes)), sizes).tolist()))]


@given(problems())
def test_best_and_runner_up_are_those_of_all_mappings(problem: tuple[np.ndarray, np.ndarray]) -> None:
    table, sizes = problem
    sums = sorted((int(matched(table, mapping).sum()) for mapping in all_mappings(sizes)), reverse=True)
    best = assignment(table, sizes)
    second = runner_up(table, sizes, best)
    assert [int(matched(table, mapping).sum()) for mapping in (best, second)] == sums[:2]
    assert (best != second).any()
    assert np.bincount(best).tolist() == np.bincount(second).tolist() == sizes.tolist()


def test_counts_overrule_the_most_frequent_label() -> None:
    table = np.array([[9, 1], [6, 5], [8, 2]])
    assert assignment(table, np.array([2, 1])).tolist() == [0, 1, 0]


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


def weigh(table: list[list[int]], counts: list[int] | None = None) -> MappingChoice:
    array = np.array(table)
    weighed = best_mapping(array, array.sum(axis=0) if counts is None else np.array(counts), 0.7, 0.95)
    assert weighed
    return weighed


def test_a_clear_mapping_leaves_no_doubt() -> None:
    weighed = weigh([[90, 10], [80, 20], [30, 70]], [200, 100])
    assert weighed.best.tolist() == [0, 0, 1]
    assert weighed.runner_up.tolist() == [0, 1, 0]
    assert weighed.agreement["share"] == 240 / 300
    assert (weighed.margin, weighed.contested["images"], weighed.contested["share"]) == (100, 200, 0.75)
    assert weighed.doubts == []


def test_a_margin_within_noise_is_doubted() -> None:
    assert weigh([[90, 10], [52, 48], [48, 52]], [200, 100]).doubts[0] == "the margin is within noise"
    tied = weigh([[50, 50], [50, 50]])
    assert tied.margin == 0
    assert tied.doubts


def test_a_mapping_that_few_images_agree_with_is_doubted() -> None:
    assert weigh([[650, 350], [350, 650]]).doubts == ["less than 70% of the images agree"]


def test_even_counts_overrule_the_images() -> None:
    weighed = weigh([[950, 50], [600, 400], [800, 200]], [2000, 1000])
    assert (weighed.best.tolist(), weighed.doubts) == ([0, 1, 0], [])


def test_uneven_counts_do_not_overrule_the_images() -> None:
    table = [[900, 100]] * 9 + [
        [100, 900]
    ]  # nine garments and one, 10 % flipped: the counts come nearer to eight and two
    assert weigh(table).doubts == ["the margin is within noise", "counts and images contradict"]
    assert apportion(np.array(table).sum(axis=0), 10).tolist() == [8, 2]


def test_a_label_with_too_few_images_for_a_garment_fits_no_mapping() -> None:
    assert best_mapping(np.array([[99, 1], [100, 0]]), np.array([199, 1]), 0.7, 0.95) is None
