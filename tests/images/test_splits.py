from pathlib import Path

import numpy as np
import pytest

from src.images.splits import SPLITS, class_names, garment_names, garments, image_ids, labels, parts, read


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two training images, one for validation, two for testing, numbered 0 to 4 by their pixels and labels."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    numbers = {"train": np.array([0, 1]), "val": np.array([2]), "test": np.array([3, 4])}
    for split, y in numbers.items():
        x = np.ones((len(y), 2, 2), np.uint8) * y[:, None, None].astype(np.uint8)
        np.savez(f"data/{split}.npz", x=x, y=y, labels=np.array(["3", "12", "900"]))
    np.savez(
        "data/garments.npz", allow_pickle=False, names=np.array(["Bag", "Coat"]), **{s: -y for s, y in numbers.items()}
    )
    ids = {"train": ["train 2", "train 0"], "val": ["train 1"], "test": ["test 0", "test 1"]}
    np.savez("data/image_ids.npz", allow_pickle=False, **{split: np.array(names) for split, names in ids.items()})


def test_a_split_is_its_file() -> None:
    images = read("test")
    assert images.y.tolist() == [3, 4]
    assert images.x[:, 1, 1].tolist() == [3, 4]
    assert garments("val").tolist() == [-2]


def test_all_are_the_splits_one_after_the_other() -> None:
    assert SPLITS == parts("all") == ("train", "val", "test")
    assert parts("val") == ("val",)
    images = read("all")
    assert images.y.tolist() == [0, 1, 2, 3, 4]
    assert (images.x.dtype, images.x.shape) == (np.uint8, (5, 2, 2))
    assert images.x[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert garments("all").tolist() == [0, -1, -2, -3, -4]


def test_labels_alone_are_those_beside_the_images() -> None:
    for split in (*SPLITS, "all"):
        assert labels(split).tolist() == read(split).y.tolist()


def test_labels_and_garments_have_names_by_their_numbers() -> None:
    assert class_names() == ["3", "12", "900"]
    assert garment_names() == ["Bag", "Coat"]


def test_an_image_keeps_its_id() -> None:
    assert image_ids("val") == ["train 1"]
    assert image_ids("all") == ["train 2", "train 0", "train 1", "test 0", "test 1"]
