from itertools import product

import numpy as np
import pytest

from src.decoding.mapping import UNDECIDED, certify, claim, count_check, evidence, exceptions, label_transfers
from src.decoding.records import SplitLabels
from src.images.store import AMBIGUOUS, UNKNOWN
from src.pipeline.files import UserError

NAMES = ["Bag", "Coat", "Dress"]


def test_a_garment_gets_the_label_of_most_of_its_images_if_these_are_enough() -> None:
    table = np.array([[80, 20], [79, 21], [0, 6], [0, 5], [0, 0]])
    assert claim(table, 0.8, 0.95).tolist() == [0, UNDECIDED, 1, UNDECIDED, UNDECIDED]  # 0.025 ** (1 / 6) > 0.5


def test_label_transfers_leave_out_undecided_garments() -> None:
    table = np.array([[9, 1], [2, 8], [5, 5]])
    assert label_transfers(table, np.array([0, 1, UNDECIDED])).tolist() == [[9, 1], [2, 8]]
    assert label_transfers(table[:0], np.array([], dtype=int)).tolist() == [[0, 0], [0, 0]]


# The number of images of each label


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


# Shares and exceptions


def test_of_all_mappings_the_shares_contradict_every_one_but_the_true() -> None:
    table = np.array([[900, 60, 40], [50, 900, 50], [30, 70, 900], [20, 80, 900]])
    fits = []
    for mapping in product(range(3), repeat=4):
        try:
            certify({"test": table}, np.array(mapping), list("abc"), [*NAMES, "Shirt"], 0.8, 0.95)
            fits.append(mapping)
        except UserError:
            pass
    assert fits == [(0, 1, 2, 2)]


def test_the_complaint_says_what_must_be_what_came_and_what_to_do() -> None:
    tables = {"train": np.array([[6000, 0], [0, 6000]]), "test": np.array([[300, 700], [0, 1000]])}
    with pytest.raises(UserError) as refusal:
        certify(tables, np.array([0, 1]), ["a", "b"], NAMES, 0.8, 0.95)
    assert str(refusal.value) == (
        "Label a is claimed for Bag over all splits, but in test only 300 of 1,000 images bear it; "
        "decode.min_share asks for 80%. Check that images and labels are in the same order."
    )


def test_too_few_images_contradict_nothing() -> None:
    certify({"val": np.array([[2, 1], [0, 0]])}, np.array([0, 1]), ["a", "b"], NAMES, 0.8, 0.95)


def test_exceptions_are_named_but_never_those_that_are_not_known() -> None:
    splits = {
        "val": SplitLabels(np.array([1, 0, 0]), np.array([0, 0, 1]), ["train 7", "train 5", "train 6"]),
        "test": SplitLabels(
            np.array([1, 0, 0, 0]), np.array([UNKNOWN, AMBIGUOUS, 1, 2]), [f"test {i}" for i in range(4)]
        ),
    }
    assert exceptions(splits, np.array([0, 1, UNDECIDED]), ["a", "b"], NAMES) == [
        {"image": "train 7", "split": "val", "garment": "Bag", "label": "b"},
        {"image": "train 6", "split": "val", "garment": "Coat", "label": "a"},
        {"image": "test 2", "split": "test", "garment": "Coat", "label": "a"},
    ]


def test_purity_and_shares_by_hand() -> None:
    table = np.array([[9, 1], [3, 7], [5, 5]])
    by_label = evidence(table, np.array([0, 1, UNDECIDED]), ["a", "b"], NAMES, 0.95)
    assert by_label["a"]["garments"] == ["Bag"]
    assert (by_label["a"]["purity"]["images"], by_label["a"]["purity"]["share"]) == (12, 0.75)
    assert by_label["b"]["evidence"]["Coat"]["share"] == 0.7
    assert by_label["b"]["evidence"]["Coat"]["interval"] == pytest.approx([0.3475, 0.9333], abs=5e-5)
