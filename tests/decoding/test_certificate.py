from itertools import product
from typing import Any

import numpy as np
import pytest

from src.decoding.certificate import count_check, lacking
from src.decoding.mapping import UNDECIDED
from src.decoding.records import Coverage

PUBLIC = np.full(10, 6000)  # of each garment, as in Fashion-MNIST's training set
TRUE = np.array([0, 2, 2, 4, 4, 1, 0, 3, 3, 4])
COUNTS = np.bincount(TRUE) * 6000
LABELS = list("01234")


def agrees(counts: np.ndarray, mapping: np.ndarray, public: np.ndarray = PUBLIC) -> bool:
    """Whether the count of every label agrees."""
    return all(row["agrees"] for row in count_check(counts, public, mapping, LABELS, 0.95).values())


def test_all_public_images_must_have_exactly_the_expected_counts() -> None:
    assert count_check(COUNTS, PUBLIC, TRUE, LABELS, 0.95)["4"] == {
        "images": 18000,
        "expected": 18000,
        "low": 18000,
        "high": 18000,
        "agrees": True,
    }
    one_moved = count_check(COUNTS + [1, -1, 0, 0, 0], PUBLIC, TRUE, LABELS, 0.95)
    assert [row["agrees"] for row in one_moved.values()] == [False, False, True, True, True]


def test_a_wrong_mapping_fails_the_count_check_unless_its_labels_have_as_many_garments() -> None:
    wrong = np.random.default_rng(0).integers(0, 5, (500, 10))
    wrong = wrong[(wrong != TRUE).any(axis=1)]
    passed = [agrees(COUNTS, mapping) for mapping in wrong]
    same_sizes = [(np.bincount(mapping, minlength=5) == np.bincount(TRUE)).all() for mapping in wrong]
    assert passed == same_sizes
    assert np.mean(passed) < 0.02  # 75,600 of 5 ** 10


def test_a_garment_moved_to_another_label_fails_it_in_every_case() -> None:
    for garment, label in product(range(10), range(5)):
        moved = TRUE.copy()
        moved[garment] = label
        assert agrees(COUNTS, moved) == (label == TRUE[garment])


def test_an_undecided_garment_fails_it() -> None:
    assert not agrees(COUNTS, np.where(np.arange(10) == 5, UNDECIDED, TRUE))


def test_flipped_labels_show_as_deviations() -> None:
    y = np.repeat(LABELS, COUNTS).astype(int)
    flipped = np.where(np.arange(len(y)) % 10 == 0, 4, y)
    rows = count_check(np.bincount(flipped), PUBLIC, TRUE, LABELS, 0.95)
    assert (rows["0"]["images"], rows["0"]["expected"], rows["0"]["agrees"]) == (10800, 12000, False)


def test_samples_of_the_public_images_lie_within_the_bounds_at_the_confidence() -> None:
    samples = np.random.default_rng(0).multivariate_hypergeometric(COUNTS, 500, size=4000)

    def agreeing(mapping: np.ndarray) -> float:
        rows = count_check(samples[0], PUBLIC, mapping, LABELS, 0.95).values()
        low, high = (np.array([row[bound] for row in rows]) for bound in ("low", "high"))
        return float(((low <= samples) & (samples <= high)).all(axis=1).mean())

    assert 0.95 < agreeing(TRUE) < 0.98
    assert agreeing(np.where(np.arange(10) == 4, 2, TRUE)) < 0.01  # Coat, as it was written down in 2022


def test_more_images_than_are_public_do_not_agree() -> None:
    assert not agrees(COUNTS + COUNTS // 10, TRUE)


def test_garments_need_not_be_equally_frequent() -> None:
    public = np.array([30, 5, 7])
    rows = count_check(np.array([12, 30]), public, np.array([1, 0, 0]), ["a", "b"], 0.95)
    assert [(row["expected"], row["agrees"]) for row in rows.values()] == [(12, True), (30, True)]


# What else a certificate asks for


KNOWN: Coverage = {"images": 200, "known": 200, "ambiguous": 0, "unknown": 0}
TABLES = {"training": np.array([[80, 20], [0, 100]]), "test": np.array([[90, 10], [10, 90]])}
NAMES = ["Bag", "Coat"]


def missing(known: Coverage = KNOWN, mapping: tuple[int, int] = (0, 1), min_share: float = 0.8) -> list[str]:
    return lacking({"test": known}, TABLES, np.array(mapping), {}, NAMES, min_share)


def test_nothing_is_missing_where_all_is_as_it_should_be() -> None:
    assert missing() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"known": KNOWN | {"known": 190, "ambiguous": 9, "unknown": 1}}, "10 images are not known"),
        ({"mapping": (0, UNDECIDED)}, "1 of 2 garments have no label"),
        ({"min_share": 0.81}, "in training less than 81% of the images of Bag bear their label"),
    ],
)
def test_what_is_missing_is_named(change: dict[str, Any], says: str) -> None:
    assert missing(**change) == [says]


def test_counts_that_differ_are_counted() -> None:
    checks = {"test": count_check(COUNTS + [1, -1, 0, 0, 0], PUBLIC, TRUE, LABELS, 0.95)}
    tables = {"test": np.eye(5, dtype=int)[TRUE] * 6000}
    assert lacking({"test": KNOWN}, tables, TRUE, checks, list("abcdefghij"), 0.8) == [
        "in 2 of 5 counts a label has more or fewer images than its garments have in the public data"
    ]


def test_without_public_images_there_is_no_certificate() -> None:
    assert lacking({"test": KNOWN}, {}, np.array([], int), {}, [], 0.8) == [
        "there are no public images to compare with"
    ]
