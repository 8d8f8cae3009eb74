import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from src.images.packed import read_npz, read_parquet
from src.pipeline.files import UserError

X = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3)
ARRAYS: dict[str, Any] = {"x_train": X[:3], "y_train": np.array([4, 0, 4]), "x_test": X[3:], "y_test": np.array([0])}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_of_an_npz_file_are_taken(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", **ARRAYS)
    images = read_npz(tmp_path / "a.npz")
    assert all(np.array_equal(read, array) for read, array in zip(images[:4], ARRAYS.values(), strict=True))
    assert images.labels == ()


def test_labels_may_be_words(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **ARRAYS | {"y_train": np.array(["b", "a", "b"]), "y_test": np.array(["a"])})
    images = read_npz(tmp_path / "a.npz")
    assert (images.labels, images.y_train.tolist(), images.y_test.tolist()) == (("a", "b"), [1, 0, 1], [0])


@pytest.mark.parametrize(
    ("changes", "must"),
    [
        (
            {"x_train": X[:3].astype(float)},
            r"x_train: must be \(n, side, side\) or \(n, side, side, 3\) uint8.* Got .* float64\.$",
        ),
        ({"x_test": X[3:, :2]}, r"x_test: must be \(n, side, side\)"),
        (
            {"x_test": np.zeros((1, 4, 4), np.uint8)},
            r"x_test: must have images of the size of x_train\. Got \(1, 4, 4\)\.$",
        ),
        ({"x_train": X[:0], "y_train": X[:0, 0, 0]}, r"x_train: must have at least one image\. Got none\.$"),
        ({"x_test": X[:0], "y_test": X[:0, 0, 0]}, r"x_test: must have at least one image\. Got none\.$"),
        ({"y_train": np.array([4, 0])}, r"y_train: must have one label for each of 3 images\. Got \(2,\)\.$"),
        ({"y_train": np.array([0.5, 0, 4])}, r"labels must be whole numbers or words"),
        ({"y_train": np.array([{}, 0, 4], dtype=object)}, "without Python objects"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, np.ndarray], must: str) -> None:
    np.savez(tmp_path / "a.npz", **ARRAYS | changes)
    with pytest.raises(UserError, match=must):
        read_npz(tmp_path / "a.npz")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is none"):
        read_npz(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"no zip")
    with pytest.raises(UserError, match="must be an .npz file of arrays"):
        read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x_train=X)
    with pytest.raises(UserError, match=r"Missing: y_train, x_test, y_test\.$"):
        read_npz(tmp_path / "a.npz")


def encoded(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def write(path: Path, images: list[Any], labels: list[Any]) -> None:
    parquet.write_table(pyarrow.table({"image": images, "label": labels}), path)


def test_parquet_files_of_pictures_are_taken(tmp_path: Path) -> None:
    """As Hugging Face writes them, a struct in several files, and as plain bytes."""
    pictures = [encoded(image) for image in X]
    write(tmp_path / "train-00000-of-00002.parquet", [{"bytes": pictures[0], "path": "0.png"}], [7])
    write(tmp_path / "train-00001-of-00002.parquet", [{"bytes": pictures[1], "path": None}], [5])
    write(tmp_path / "test.parquet", pictures[2:], [5, 7])
    images = read_parquet(tmp_path, side=None, fit="pad", color="grey")
    assert np.array_equal(images.x_train, X[:2])
    assert np.array_equal(images.x_test, X[2:])
    assert (images.y_train.tolist(), images.y_test.tolist()) == ([7, 5], [5, 7])
    assert read_parquet(tmp_path, side=6, fit="stretch", color="grey").x_test.shape == (2, 6, 6)


def test_wrong_parquet_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is none of train\.$"):
        read_parquet(tmp_path, side=None, fit="pad", color="grey")
    write(tmp_path / "train.parquet", [encoded(X[0]), b"x"], ["a", "b"])
    (tmp_path / "test.parquet").write_bytes(b"x")
    with pytest.raises(UserError, match=r"test\.parquet: must be a Parquet file with the columns image and label"):
        read_parquet(tmp_path, side=None, fit="pad", color="grey")
    write(tmp_path / "test.parquet", [encoded(X[0]), None], ["a", "b"])
    with pytest.raises(
        UserError,
        match=r"test\.parquet: row 1: must have the bytes of a picture, and a whole number or a word as label\.$",
    ):
        read_parquet(tmp_path, side=None, fit="pad", color="grey")
    write(tmp_path / "test.parquet", [], [])
    with pytest.raises(UserError, match=r": test\*\.parquet: must have at least one image\. Got none\.$"):
        read_parquet(tmp_path, side=None, fit="pad", color="grey")
    write(tmp_path / "test.parquet", [encoded(X[0])], ["a"])
    with pytest.raises(UserError, match=r"1 of 3 are not: .*train\.parquet, row 1, is no picture"):
        read_parquet(tmp_path, side=None, fit="pad", color="grey")


def test_colored_images_are_taken(tmp_path: Path) -> None:
    color = np.random.default_rng(0).integers(0, 256, (4, 3, 3, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", **ARRAYS | {"x_train": color[:3], "x_test": color[3:]})
    images = read_npz(tmp_path / "a.npz")
    assert np.array_equal(np.concatenate([images.x_train, images.x_test]), color)
    np.savez(tmp_path / "b.npz", **ARRAYS | {"x_train": color[:3]})
    with pytest.raises(UserError, match=r"x_test: must have images of the size of x_train\. Got \(1, 3, 3\)\.$"):
        read_npz(tmp_path / "b.npz")
    write(tmp_path / "train.parquet", [encoded(image) for image in color[:2]], [0, 1])
    write(tmp_path / "test.parquet", [encoded(image) for image in color[2:]], [0, 1])
    images = read_parquet(tmp_path, side=None, fit="pad", color="rgb")
    assert np.array_equal(np.concatenate([images.x_train, images.x_test]), color)
