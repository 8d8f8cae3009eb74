import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.pipeline.files import UserError
from src.serving import batches
from src.serving.batches import Batch, read_batches
from src.serving.pictures import Ground, ModelImages

X = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)


def read_batch(path: Path, side: int, ground: Ground) -> Batch:
    """All batches as one."""
    names, parts = zip(*read_batches(path, ModelImages((side, side), "garment"), ground), strict=True)
    return Batch(sum(names, []), np.concatenate(parts))


def write_csv(path: Path, rows: np.ndarray) -> None:
    header = ",".join(f"pixel{number}" for number in range(rows.shape[1]))
    np.savetxt(path, rows, "%d", delimiter=",", header=header, comments="")


@pytest.mark.parametrize("pixels", [1, 32, 2**23], ids=["an image at a time", "two", "all"])
def test_every_kind_of_file_gives_the_same_images(pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIXELS", pixels)
    write_csv(tmp_path / "x.csv", X.reshape(3, 16))
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "rows.npy", X.reshape(3, 16).astype(np.int64))
    np.savez(tmp_path / "x.npz", x=X, y=[1, 2, 3])
    np.savez_compressed(tmp_path / "small.npz", x=X)
    (tmp_path / "small.npz").rename(tmp_path / "small.NPZ")
    for name in ("x.csv", "x.npy", "rows.npy", "x.npz", "small.NPZ"):
        batch = read_batch(tmp_path / name, 4, "auto")
        assert batch.names == ["0", "1", "2"]
        assert batch.x.dtype == np.uint8
        assert np.array_equal(batch.x, X)


def test_a_single_image_is_taken(tmp_path: Path) -> None:
    image = np.zeros((28, 28), np.uint8)
    np.save(tmp_path / "x.npy", image)
    assert read_batch(tmp_path / "x.npy", 28, "auto").x.shape == (1, 28, 28)


def test_an_array_is_read_where_its_batch_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIXELS", 16)
    wrong = X.astype(int)
    wrong[2, 0, 0] = 256
    np.save(tmp_path / "x.npy", wrong)
    read = read_batches(tmp_path / "x.npy", ModelImages((4, 4), "garment"), "auto")
    assert [next(read).names, next(read).names] == [["0"], ["1"]]
    with pytest.raises(UserError, match="must have values from 0 to 255. Got .* to 256"):
        next(read)


@pytest.mark.parametrize("pixels", [1, 2**23])
def test_pictures_are_named_by_their_files(pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIXELS", pixels)
    (tmp_path / "b").mkdir()
    for name, image in (("b/1.png", X[0]), ("a.png", X[1])):
        Image.fromarray(image).save(tmp_path / name)
    batch = read_batch(tmp_path, 4, "black")
    assert batch.names == ["a.png", "b/1.png"]
    assert np.array_equal(batch.x, X[[1, 0]])
    assert read_batch(tmp_path / "a.png", 4, "black").names == ["a.png"]


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize(
    ("array", "must"),
    [
        (X.astype(float), "must be whole numbers"),
        (X.astype(str), "must be whole numbers"),
        (X > 9, "must be whole numbers"),
        (np.zeros((0, 4, 4), int), "must be whole numbers of shape"),
        (np.zeros((1, 4, 4, 1), int), "must have images of 4 x 4 values, as the model takes. Got 4 x 4 x 1"),
        (np.zeros(16, int), "must be whole numbers of shape"),
        (X.astype(int) - 300, "must have values from 0 to 255"),
        (X.astype(int) + 300, "must have values from 0 to 255"),
        (np.zeros((2, 15), int), "must have side \\* side columns"),
        (np.zeros((2, 5, 5), int), "must have images of 4 x 4 values, as the model takes. Got 5 x 5"),
    ],
)
def test_arrays_that_are_no_images_are_refused(tmp_path: Path, array: np.ndarray, must: str) -> None:
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", x=array)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(UserError, match=must):
            read_batch(tmp_path / name, 4, "auto")


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", pickled(), b"\x93NUMPY\x01\x00", b"\x93NUMPY\xff"])
def test_files_that_are_damaged_or_pickled_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged or holds something else") as error:
        read_batch(path, 4, "auto")
    assert "\n" not in str(error.value)


def test_a_pickle_in_an_archive_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="damaged or holds something else"):
        read_batch(tmp_path / "x.npz", 4, "auto")


def test_an_array_that_would_unpack_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_BYTES", 10_000)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1_000_000))
    with pytest.raises(UserError, match="must unpack to at most"):
        read_batch(tmp_path / "x.npz", 4, "auto")


def test_a_header_that_promises_more_than_the_file_has_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content.replace(b"(3, 4, 4), }         ", b"(3000000000, 4, 4), }"))
    with pytest.raises(UserError, match="damaged"):
        read_batch(tmp_path / "x.npy", 4, "auto")


@pytest.mark.parametrize(
    ("name", "must"),
    [
        ("missing.csv", "There is none"),
        ("x.txt", "must be a folder of pictures or one of .csv .npy .npz"),
        ("noname", "Got no suffix"),
        ("y.npz", "must have an array `x` of images. Got 'y.npy'"),
        ("wrong.csv", "must be a whole number from 0 to 255|whole number"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, must: str) -> None:
    for empty in ("x.txt", "noname"):
        (tmp_path / empty).touch()
    np.savez(tmp_path / "y.npz", y=X)
    write_csv(tmp_path / "wrong.csv", X.reshape(3, 16).astype(int) + 1000)
    with pytest.raises(UserError, match=must):
        read_batch(tmp_path / name, 4, "auto")
