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


@pytest.mark.parametrize("word", ["", "  ", "a\nb", "a\x1b[31m", "x" * 101])
@pytest.mark.parametrize("in_test", [False, True])
def test_words_that_no_table_can_show_are_no_labels(word: str, in_test: bool) -> None:
    x, words = np.zeros((2, 2, 2), np.uint8), np.array(["a", "b"])
    wrong = np.array(["a", word])
    with pytest.raises(UserError, match=r"^labels must be words of at most 100 printable letters\. Got '") as error:
        label(x, words if in_test else wrong, x, wrong if in_test else words)
    assert "\n" not in str(error.value)


def test_the_first_images_keep_their_files_and_all_names() -> None:
    x, y = np.arange(12, dtype=np.uint8).reshape(3, 2, 2), np.array([0, 1, 0])
    images = Images(x, y, x, y, labels=("cat", "dog"), files_train=("a", "b", "c"), files_test=("d", "e", "f"))
    first = images.first(2)
    assert (len(first.x_train), first.y_test.tolist(), first.labels) == (2, [0, 1], ("cat", "dog"))
    assert (first.files_train, first.files_test) == (("a", "b"), ("d", "e"))
    assert images.first(None).files_test == ("d", "e", "f")


def test_images_with_files_come_back_as_they_were_saved(tmp_path: Path) -> None:
    x, y = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), np.array([0, 1])
    images = Images(x, y, x, y, labels=("cat", "dog"), files_train=("a b.png", "ü.png"), files_test=("c.png", "d.png"))
    images.save(tmp_path / "a.npz")
    loaded = Images.load(tmp_path / "a.npz")
    assert loaded[4:] == images[4:]
    assert all(np.array_equal(one, other) for one, other in zip(loaded[:4], images[:4], strict=True))
