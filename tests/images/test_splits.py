from pathlib import Path

import numpy as np
import pytest

from src.splits import SPLITS, garments, given, read


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two training images, one for validation, two for testing, numbered 0 to 4."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    rows = {"train": [0, 1], "val": [2], "test": [3, 4]}
    for split, numbers in rows.items():
        y = np.array(numbers)
        np.savez(f"data/{split}.npz", x=np.ones((len(y), 2, 2), np.uint8) * y[:, None, None].astype(np.uint8), y=y)
    np.savez("data/garments.npz", allow_pickle=False, **{split: -np.array(numbers) for split, numbers in rows.items()})


def test_a_split_is_its_file() -> None:
    assert read("test", "y").tolist() == [3, 4]
    assert garments("val").tolist() == [-2]
    assert np.array_equal(read("train", "x"), np.load("data/train.npz")["x"])


def test_all_are_the_splits_one_after_the_other() -> None:
    assert SPLITS == ("train", "val", "test")
    assert read("all", "y").tolist() == [0, 1, 2, 3, 4]
    assert garments("all").tolist() == [0, -1, -2, -3, -4]
    x = read("all", "x")
    assert (x.dtype, x.shape) == (np.uint8, (5, 2, 2))
    assert x[:, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_an_image_goes_by_its_place_in_what_was_given() -> None:
    np.savez("data/rows.npz", train=np.array([2, 0]), val=np.array([1]), test=np.arange(2))
    assert given("val") == ["train 1"]
    assert given("all") == ["train 2", "train 0", "train 1", "test 0", "test 1"]
