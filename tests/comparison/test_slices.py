from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

from src.comparison.slices import Candidate, candidates, find_slices, ranges, worst
from src.comparison.statistics import wilson_interval

RULE: dict[str, Any] = {"min_images": 20, "n_listed": 5, "confidence": 0.95}


def masked(name: str, *images: int, n: int = 100) -> Candidate:
    mask = np.zeros(n, dtype=bool)
    mask[list(images)] = True
    return Candidate(name, mask)


def test_groups_and_their_intersections_are_candidates() -> None:
    groups = {"label": np.array(["a", "a", "b"]), "size": np.array(["small", "", "small"])}
    assert {name: images.tolist() for name, images in candidates(groups)} == {
        "label a": [True, True, False],
        "label b": [False, False, True],
        "size small": [True, False, True],
        "label a, size small": [True, False, False],
        "label b, size small": [False, False, True],
    }


def test_ranges_hold_as_many_values_each() -> None:
    values = np.arange(8) / 8
    assert ranges(values, 2).tolist() == ["0 to 0.438"] * 4 + ["0.438 to 0.875"] * 4
    assert len(set(ranges(np.random.default_rng(0).random(1000), 4))) == 4
    assert np.unique(ranges(np.random.default_rng(0).random(1000), 4), return_counts=True)[1].tolist() == [250] * 4


def test_narrow_ranges_have_names_of_their_own() -> None:
    values = 0.286 + np.arange(6) * 1e-5
    assert sorted(set(ranges(values, 3))) == ["0.286 to 0.28602", "0.28602 to 0.28603", "0.28603 to 0.28605"]


def test_equal_values_share_a_range() -> None:
    assert ranges(np.zeros(5), 4).tolist() == [""] * 5
    assert ranges(np.array([0, 0, 0, 0, 1.0, 2.0]), 2).tolist() == ["0 to 2"] * 6


def test_the_worst_slices_come_first_and_small_ones_not_at_all() -> None:
    correct = np.ones(100, bool)
    correct[:30] = False
    correct[40:45] = False
    slices = [
        masked("mixed", *range(40, 60)),
        masked("bad", *range(20)),
        masked("small", *range(20, 24)),
        masked("good", *range(70, 100)),
        masked("all but few", *range(98)),
    ]
    chosen = worst(correct, slices, min_images=10, n_listed=5)
    assert [slices[place].name for place in chosen] == ["bad"]  # 25% of the mixed ones are wrong, 37.5% of the others
    chosen = worst(correct, slices, min_images=3, n_listed=5)
    assert [slices[place].name for place in chosen] == ["bad", "small"]
    assert worst(correct, slices, min_images=3, n_listed=1) == [1]


def test_of_slices_that_are_mostly_the_same_one_is_listed() -> None:
    correct = np.ones(100, bool)
    correct[:30] = False
    slices = [masked("bad", *range(20)), masked("nearly", *range(18)), masked("half", *range(10, 40))]
    assert worst(correct, slices, min_images=5, n_listed=5) == [0, 2]


def test_models_without_errors_or_without_anything_else_have_no_worst_slices() -> None:
    slices = [masked("some", *range(50))]
    for correct in (np.ones(100, bool), np.zeros(100, bool)):
        assert worst(correct, slices, min_images=5, n_listed=5) == []


def test_a_slice_is_found_on_one_half_and_tested_on_the_other() -> None:
    n = 400
    first_half = np.arange(n) % 2 == 0
    slice_ = masked("bad", *range(100), n=n)
    correct = np.ones(n, bool)
    correct[np.flatnonzero(slice_.images & first_half)[:20]] = False
    correct[np.flatnonzero(slice_.images & ~first_half)[:9]] = False
    correct[[201, 301]] = False  # of the second half
    (row,) = find_slices("m", correct, [slice_], first_half, **RULE)
    p = float(fisher_exact([[9, 41], [2, 148]], alternative="greater").pvalue)
    low, high = wilson_interval(41 / 50, 50, 0.95)
    assert row == {
        "model": "m",
        "slice": "bad",
        "n_found": 50,
        "accuracy_found": 0.6,
        "n": 50,
        "accuracy": 0.82,
        "ci_low": low,
        "ci_high": high,
        "accuracy_elsewhere": round(148 / 150, 6),
        "p": pytest.approx(p, rel=1e-2),
        "p_holm": pytest.approx(p, rel=1e-2),
        "verdict": "worse",
    }


def test_a_slice_without_images_in_the_second_half_shows_nothing() -> None:
    first_half = np.arange(100) < 50
    correct = np.ones(100, bool)
    correct[:25] = False
    (row,) = find_slices("m", correct, [masked("bad", *range(30))], first_half, **RULE)
    assert (row["n"], row["ci_low"], row["ci_high"], row["p"], row["verdict"]) == (0, 0, 1, 1, "not shown")


def searched(rng: np.random.Generator, harder: float) -> list[str]:
    """The verdicts of a search among labels and ranges; errors are 10%, and so much more where label is `a`."""
    n = 2000
    groups = {
        "label": rng.choice(list("abcde"), n),
        "size": ranges(rng.random(n), 4),
        "brightness": ranges(rng.random(n), 4),
    }
    correct = rng.random(n) > 0.1 + harder * (groups["label"] == "a")
    first_half = rng.permutation(n) < n // 2
    rows = find_slices("m", correct, candidates(groups), first_half, **RULE)
    return [row["verdict"] for row in rows]


def test_models_that_err_alike_everywhere_are_seldom_called_worse_somewhere() -> None:
    rng = np.random.default_rng(0)
    searches = [searched(rng, harder=0) for _ in range(200)]
    assert all(len(verdicts) == 5 for verdicts in searches)  # a search always finds something
    assert np.mean(["worse" in verdicts for verdicts in searches]) <= 0.05


def test_a_label_that_is_harder_is_shown_to_be() -> None:
    rng = np.random.default_rng(1)
    searches = [searched(rng, harder=0.15) for _ in range(50)]
    assert np.mean(["worse" in verdicts for verdicts in searches]) >= 0.9
