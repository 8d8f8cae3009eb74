import numpy as np
import pytest

from src.decoding.mapping import UNDECIDED, claim, evidence, exceptions, label_transfers
from src.decoding.records import Claims, SplitLabels
from src.images.store import AMBIGUOUS, UNKNOWN

NAMES = ["Bag", "Coat", "Dress"]
LABELS = ["a", "b"]


def claims(training: list[list[int]], test: list[list[int]] | None = None) -> Claims:
    tables = {"training": np.array(training)} | ({"test": np.array(test)} if test else {})
    return claim(tables, LABELS, 0.2, 0.95)


def test_a_garment_gets_the_label_that_explains_its_images_and_else_a_reason() -> None:
    decided = claims([[90, 10], [8, 92], [51, 49], [5, 0], [0, 0]])
    assert decided.mapping.tolist() == [0, 1, UNDECIDED, UNDECIDED, UNDECIDED]
    assert decided.reasons == {
        2: "split between labels a and b",
        3: "the evidence is too weak",
        4: "no image is known",
    }


def test_labels_as_frequent_as_among_all_images_are_said_to_be() -> None:
    mixed = np.array([[1000, 0, 0], [0, 1000, 0], [0, 0, 1000], [333, 333, 334]])
    assert claim({"test": mixed}, list("abc"), 0.2, 0.95).reasons == {3: "each label as often as among all images"}


def test_training_and_test_must_not_show_different_labels() -> None:
    training, test = [[600, 0], [0, 600], [600, 0]], [[100, 0], [0, 100], [0, 100]]
    decided = claims(training, test)
    assert decided.mapping.tolist() == [0, 1, UNDECIDED]
    assert decided.reasons == {2: "label a in training, label b in test"}
    assert claims(training).mapping.tolist() == [0, 1, 0]
    assert claims(training, [[100, 0], [0, 100], [3, 4]]).mapping.tolist() == [0, 1, 0]


def test_label_transfers_leave_out_undecided_garments() -> None:
    table = np.array([[9, 1], [2, 8], [5, 5]])
    assert label_transfers(table, np.array([0, 1, UNDECIDED])).tolist() == [[9, 1], [2, 8]]
    assert label_transfers(table[:0], np.array([], dtype=int)).tolist() == [[0, 0], [0, 0]]


def test_exceptions_are_named_but_never_those_that_are_not_known() -> None:
    splits = {
        "val": SplitLabels(np.array([1, 0, 0]), np.array([0, 0, 1]), ["train 7", "train 5", "train 6"]),
        "test": SplitLabels(
            np.array([1, 0, 0, 0]), np.array([UNKNOWN, AMBIGUOUS, 1, 2]), [f"test {i}" for i in range(4)]
        ),
    }
    assert exceptions(splits, np.array([0, 1, UNDECIDED]), ["a", "b"], NAMES) == [
        {"image": "train 7", "split": "val", "garment": "Bag", "label": "b", "expected": "a"},
        {"image": "train 6", "split": "val", "garment": "Coat", "label": "a", "expected": "b"},
        {"image": "test 2", "split": "test", "garment": "Coat", "label": "a", "expected": "b"},
    ]


def test_purity_and_shares_by_hand() -> None:
    table = np.array([[9, 1], [3, 7], [5, 5]])
    decided = Claims(np.array([0, 1, UNDECIDED]), np.array([0, 1, 0]), np.array([3, 2, 0]) * np.log(10), {})
    by_label = evidence(table, decided, LABELS, NAMES, 0.95)
    assert by_label["a"]["garments"] == ["Bag"]
    assert (by_label["a"]["purity"]["images"], by_label["a"]["purity"]["share"]) == (12, 0.75)
    assert by_label["b"]["evidence"]["Coat"]["share"] == 0.7
    assert by_label["b"]["evidence"]["Coat"]["interval"] == pytest.approx([0.3475, 0.9333], abs=5e-5)
    bag = by_label["a"]["evidence"]["Bag"]
    assert (bag["next_label"], bag["next_share"], bag["log10_ratio"]) == ("b", 0.1, pytest.approx(3))
