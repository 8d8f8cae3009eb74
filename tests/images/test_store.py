from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.images.digits import read_digits
from src.images.store import AMBIGUOUS, DIGITS, GARMENTS, UNKNOWN, Images, label
from src.pipeline.files import UserError


@pytest.mark.parametrize("names", [DIGITS, ()], ids=["named", "without names"])
@pytest.mark.parametrize("labels", [("cat", "dog"), ()], ids=["words", "numbers"])
def test_saved_images_are_read_back_the_same(names: tuple[str, ...], labels: tuple[str, ...], tmp_path: Path) -> None:
    images = read_digits()._replace(names=names, labels=labels)
    images.save(tmp_path / "images.npz")
    again = Images.load(tmp_path / "images.npz")
    assert (again.names, again.labels) == (names, labels)
    for read, saved in zip(again[:4], images[:4], strict=True):
        assert np.array_equal(read, saved)
        assert read.dtype == saved.dtype


def test_the_same_images_are_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        read_digits().save(tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


X = np.zeros((3, 2, 2), np.uint8)


def test_words_are_numbered_in_their_order_and_numbers_stay() -> None:
    words = label(X, np.array(["b", "a", "b"]), X[:2], np.array(["a", "b"]))
    assert (words.y_train.tolist(), words.y_test.tolist(), words.labels) == ([1, 0, 1], [0, 1], ("a", "b"))
    numbers = label(X, np.array([9, 3, 9], np.uint8), X[:2], np.array([3, 9]))
    assert (numbers.y_train.tolist(), numbers.y_test.tolist(), numbers.labels) == ([9, 3, 9], [3, 9], ())
    assert numbers.y_train.dtype == np.int64


@pytest.mark.parametrize(
    ("y_train", "y_test", "must"),
    [
        ([0.5, 1, 1], [1, 1], r"must be whole numbers or words.* Got \[0\.5, 1\.0, 1\.0\] and \[1, 1\]\.$"),
        (["a", "b", "b"], [1, 1], "must be whole numbers or words"),
        (["a", "b", "b"], ["c", "a"], r"Not in training: c\.$"),
    ],
)
def test_other_labels_are_refused(y_train: list[Any], y_test: list[Any], must: str) -> None:
    with pytest.raises(UserError, match=must):
        label(X, np.array(y_train), X[:2], np.array(y_test))


def test_no_mark_for_what_is_not_known_is_a_names_number() -> None:
    assert UNKNOWN != AMBIGUOUS
    assert max(UNKNOWN, AMBIGUOUS) < 0 < len(GARMENTS) == len(DIGITS) == 10
