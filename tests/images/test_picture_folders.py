import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import train_test_split

from src.images.picture_folders import list_files, read_folder, split
from src.images.store import Images
from src.pipeline.files import UserError

SETTINGS: dict[str, Any] = {"side": None, "fit": "pad", "color": "grey", "test_size": 0.25, "seed": 3}


def paint(path: Path, grey: int, size: tuple[int, int] = (4, 4)) -> None:
    """A picture of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder of two classes: cats are greys from 0 on, dogs from 100 on."""
    for number in range(8):
        paint(tmp_path / f"cat/{number}.png", number)
        paint(tmp_path / f"dog/{number}.png", 100 + number)
    return tmp_path


def pairs(images: Images) -> dict[str, list[tuple[int, str]]]:
    """The grey and the label of each image, by split."""
    return {
        split: [(int(x[0, 0]), images.labels[y]) for x, y in zip(xs, ys, strict=True)]
        for split, xs, ys in (
            ("train", images.x_train, images.y_train),
            ("test", images.x_test, images.y_test),
        )
    }


def test_a_tree_of_classes_is_split_by_class_and_shuffled(tree: Path) -> None:
    images = read_folder(tree, **SETTINGS)
    assert images.labels == ("cat", "dog")
    assert (images.x_train.shape, images.x_train.dtype, images.x_test.shape) == ((12, 4, 4), np.uint8, (4, 4, 4))
    parts = pairs(images)
    assert {split: Counter(label for _, label in part) for split, part in parts.items()} == {
        "train": {"cat": 6, "dog": 6},
        "test": {"cat": 2, "dog": 2},
    }
    both = parts["train"] + parts["test"]
    assert all(label == ("dog" if grey >= 100 else "cat") for grey, label in both)
    assert sorted(grey for grey, _ in both) == [*range(8), *range(100, 108)]
    labels = [label for _, label in parts["train"]]
    assert labels not in (sorted(labels), sorted(labels, reverse=True))
    again = read_folder(tree, **SETTINGS)
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(images[:4], again[:4], strict=True))
    assert pairs(read_folder(tree, **SETTINGS | {"seed": 4})) != parts


def test_the_split_is_scikit_learns(tree: Path) -> None:
    files = list_files(tree)
    train, test = split(files, 0.25, 3)
    expected = train_test_split(np.arange(16), test_size=0.25, stratify=files.labels, random_state=3)
    assert train.paths == [files.paths[row] for row in expected[0]]
    assert test.paths == [files.paths[row] for row in expected[1]]


def test_folders_train_and_test_are_taken_as_they_are(tmp_path: Path) -> None:
    for split_, label, grey in (("train", "a", 1), ("train", "b", 2), ("train", "b", 3), ("test", "b", 4)):
        paint(tmp_path / split_ / label / f"{grey}.png", grey)
    parts = pairs(read_folder(tmp_path, **SETTINGS))
    assert (sorted(parts["train"]), parts["test"]) == ([(1, "a"), (2, "b"), (3, "b")], [(4, "b")])


def test_a_table_may_give_the_labels(tmp_path: Path) -> None:
    for part, rows in {"train": [(1, "yes"), (2, "no")], "test": [(3, "no")]}.items():
        for grey, _ in rows:
            paint(tmp_path / part / f"pictures/{grey}.png", grey)
        lines = [f"pictures/{grey}.png,{label}" for grey, label in rows]
        (tmp_path / part / "metadata.csv").write_text("\n".join(["file_name,label", *lines, ""]), encoding="utf-8")
    parts = pairs(read_folder(tmp_path, **SETTINGS))
    assert (sorted(parts["train"]), parts["test"]) == ([(1, "yes"), (2, "no")], [(3, "no")])


@pytest.mark.parametrize(
    ("content", "must"),
    [
        ("file,label\na.png,x\n", r"columns file_name and label\. Got .file, label.\.$"),
        ("file_name,label\n", r"Got no rows\.$"),
        ("file_name,label\na.png,\n", r"line 2: must have a file_name and a label\.$"),
        ("file_name,label\n../a.png,x\n", r"line 2: must name a file below .*\. Got '\.\./a\.png'\.$"),
        (b"file_name,label\n\xff.png,x\n", "must be CSV in UTF-8"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, content: str | bytes, must: str) -> None:
    (tmp_path / "metadata.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=must):
        read_folder(tmp_path, **SETTINGS)


def test_a_missing_picture_of_the_table_is_told(tmp_path: Path) -> None:
    text = "file_name,label\n" + "".join(f"{number}.png,{'xy'[number % 2]}\n" for number in range(8))
    (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"8 of 8 are not: .*\.png No such file or directory; "):
        read_folder(tmp_path, **SETTINGS)


def test_wrong_folders_are_refused(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(UserError, match="There is none"):
        read_folder(tmp_path / "nowhere", **SETTINGS)
    (tmp_path / "bird").mkdir()
    with pytest.raises(UserError, match=r"bird: must have pictures .* Got none\.$"):
        read_folder(tree, **SETTINGS)
    (tmp_path / "train").mkdir()
    with pytest.raises(UserError, match=r"both folders `train` and `test`, or none of them\. Got one\.$"):
        read_folder(tree, **SETTINGS)
    (tmp_path / "test").mkdir()
    with pytest.raises(UserError, match=r"train: must have a folder for each class, or metadata\.csv\. Got neither\.$"):
        read_folder(tree, **SETTINGS)


@pytest.mark.parametrize("name", [b"cat/caf\xe9.png", b"caf\xe9/1.png"])
def test_names_that_are_not_utf_8_are_refused(tree: Path, name: bytes) -> None:
    paint(tree / os.fsdecode(name), 1)
    with pytest.raises(UserError, match=r"names must be UTF-8\. Got b'caf\\xe9") as refused:
        read_folder(tree, **SETTINGS)
    assert str(refused.value).isprintable()


def test_pictures_in_hidden_folders_are_left_out(tree: Path) -> None:
    paint(tree / "cat/.ipynb_checkpoints/x.png", 50)
    paint(tree / ".git/x.png", 50)
    assert len(list_files(tree).paths) == 16


def test_a_label_of_test_alone_is_refused(tmp_path: Path) -> None:
    for part, label in (("train", "a"), ("test", "b"), ("test", "c")):
        paint(tmp_path / part / label / "1.png", 1)
    with pytest.raises(UserError, match=r"must also occur in training\. Not in training: b, c\.$"):
        read_folder(tmp_path, **SETTINGS)


def test_a_class_too_small_to_split_is_refused(tree: Path) -> None:
    paint(tree / "bird/1.png", 1)
    with pytest.raises(UserError, match=r"^params\.yaml: fetch\.test_size: must leave pictures of each label"):
        read_folder(tree, **SETTINGS)


def test_all_unreadable_pictures_are_listed(tree: Path) -> None:
    (tree / "cat/0.png").write_bytes(b"")
    (tree / "dog/3.png").write_bytes(b"GIF89a")
    with pytest.raises(UserError, match="2 of 16 are not: ") as refused:
        read_folder(tree, **SETTINGS)
    assert f"{tree}/cat/0.png is no picture" in str(refused.value)
    assert f"{tree}/dog/3.png is " in str(refused.value)


def test_pictures_of_several_sizes_need_a_side(tree: Path) -> None:
    paint(tree / "cat/0.png", 0, size=(6, 6))
    with pytest.raises(UserError, match=r"must have \d x \d pixels, as .*\. Got \d x \d\. Set fetch\.side to the side"):
        read_folder(tree, **SETTINGS)
    assert read_folder(tree, **SETTINGS | {"side": 5}).x_train.shape == (12, 5, 5)
    for path in tree.rglob("*.png"):
        paint(path, 0, size=(6, 4))
    with pytest.raises(UserError, match=r"must be square\. Got 6 x 4 pixels\. Set fetch\.side"):
        read_folder(tree, **SETTINGS)


def test_large_images_are_refused(tree: Path) -> None:
    for path in tree.rglob("*.png"):
        paint(path, 0, size=(300, 300))
    with pytest.raises(UserError, match=r"at most 256 x 256 pixels\. Got 300 x 300\. Set fetch\.side to 256"):
        read_folder(tree, **SETTINGS)


def test_colored_pictures_stay_so_and_images_keep_the_names_of_their_files(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "red").mkdir(exist_ok=True)
        (tmp_path / "blue").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (200, number, 0)).save(tmp_path / f"red/{number}.png")
        Image.new("RGB", (4, 4), (0, number, 200)).save(tmp_path / f"blue/{number}.png")
    images = read_folder(tmp_path, **SETTINGS | {"color": "rgb"})
    assert (images.x_train.shape, images.x_test.shape) == ((6, 4, 4, 3), (2, 4, 4, 3))
    for x, y, files in (
        (images.x_train, images.y_train, images.files_train),
        (images.x_test, images.y_test, images.files_test),
    ):
        for image, label, file in zip(x, y, files, strict=True):
            red, number, blue = image[1, 2].tolist()
            assert file == f"{images.labels[label]}/{number}.png"
            assert (images.labels[label] == "red") == (red == 200) == (blue == 0)
    grey = read_folder(tmp_path, **SETTINGS)
    assert grey.x_train[0, 0, 0] == Image.new("RGB", (1, 1), tuple(images.x_train[0, 0, 0])).convert("L").getpixel(
        (0, 0)
    )
