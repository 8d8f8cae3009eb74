from itertools import product

import numpy as np
import pytest

from src.certificate import UNDECIDED, certify, claim, count_check, evidence, exceptions, ledger
from src.prepare import AMBIGUOUS, UNKNOWN
from src.stage import UserError

NAMES = ["Bag", "Coat", "Dress"]


def test_a_garment_gets_the_label_of_most_of_its_images_if_these_are_enough() -> None:
    table = np.array([[80, 20], [79, 21], [0, 6], [0, 5], [0, 0]])
    assert claim(table, 0.8, 0.95).tolist() == [0, UNDECIDED, 1, UNDECIDED, UNDECIDED]  # 0.025 ** (1 / 6) > 0.5


def test_the_ledger_leaves_out_undecided_garments() -> None:
    table = np.array([[9, 1], [2, 8], [5, 5]])
    assert ledger(table, np.array([0, 1, UNDECIDED])).tolist() == [[9, 1], [2, 8]]
    assert ledger(table[:0], np.array([], dtype=int)).tolist() == [[0, 0], [0, 0]]


def test_exceptions_make_up_the_difference_between_images_and_expected() -> None:
    table = np.array([[9, 1], [3, 7]])
    y = np.repeat([0, 1], [12, 8])
    assert count_check(y, table, np.array([0, 1]), ["a", "b"]) == {
        "a": {"images": 12, "expected": 10, "lost": 1, "gained": 3, "agrees": True},
        "b": {"images": 8, "expected": 10, "lost": 3, "gained": 1, "agrees": True},
    }


def test_an_image_that_nothing_accounts_for_spoils_its_label() -> None:
    table = np.array([[9, 0], [0, 7]])
    check = count_check(np.repeat([0, 1], [10, 7]), table, np.array([0, 1]), ["a", "b"])
    assert [row["agrees"] for row in check.values()] == [False, True]
    check = count_check(np.repeat([0, 1], [9, 7]), table, np.array([0, UNDECIDED]), ["a", "b"])
    assert [row["agrees"] for row in check.values()] == [True, False]


def test_of_all_mappings_the_counts_contradict_every_one_but_the_true() -> None:
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
        "Bag has label a in all splits together; so must at least 80% of those in test (decode.min_share). "
        "Got 300 of 1,000. Check that images and labels are in the same order."
    )


def test_too_few_images_contradict_nothing() -> None:
    certify({"val": np.array([[2, 1], [0, 0]])}, np.array([0, 1]), ["a", "b"], NAMES, 0.8, 0.95)


def test_exceptions_are_counted_and_the_first_listed_but_never_those_not_known() -> None:
    splits = {
        "val": {
            "y": np.array([1, 0, 0]),
            "garments": np.array([0, 0, 1]),
            "names": np.array(["train 7", "train 5", "train 6"]),
        },
        "test": {
            "y": np.array([1, 0, 0, 0]),
            "garments": np.array([UNKNOWN, AMBIGUOUS, 1, 2]),
            "names": np.array([f"test {i}" for i in range(4)]),
        },
    }
    found = exceptions(splits, np.array([0, 1, UNDECIDED]), ["a", "b"], NAMES, listed=3)
    assert found == {
        "total": 3,
        "listed": [
            {"image": "train 7", "split": "val", "garment": "Bag", "label": "b"},
            {"image": "train 6", "split": "val", "garment": "Coat", "label": "a"},
            {"image": "test 2", "split": "test", "garment": "Coat", "label": "a"},
        ],
    }


def test_purity_and_shares_by_hand() -> None:
    table = np.array([[9, 1], [3, 7], [5, 5]])
    found = evidence(table, np.array([0, 1, UNDECIDED]), ["a", "b"], NAMES, 0.95)
    assert found["a"]["garments"] == ["Bag"]
    assert (found["a"]["purity"]["images"], found["a"]["purity"]["share"]) == (12, 0.75)
    assert found["b"]["evidence"]["Coat"]["share"] == 0.7
    assert found["b"]["evidence"]["Coat"]["interval"] == pytest.approx([0.3475, 0.9333], abs=5e-5)
