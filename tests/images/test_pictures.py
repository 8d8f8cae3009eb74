import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.images import pictures
from src.images.pictures import as_files, find_pictures, open_picture, read_all
from src.pipeline.files import UserError


def test_all_unreadable_files_are_listed_and_nothing_is_read(tmp_path: Path) -> None:
    for name, content in (("b.png", b"x"), ("c.png", b"")):
        (tmp_path / name).write_bytes(content)
    Image.new("L", (5, 5)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"2 of 3 are not: .*b\.png is no picture.*; .*c\.png is no picture") as error:
        read_all(as_files(find_pictures(tmp_path)), lambda content: np.asarray(open_picture(content, "grey")))
    assert "\n" not in str(error.value)


def test_a_long_list_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_SHOWN", 1)
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"a\.png [^;]*; \.\.\.\.$"):
        read_all(as_files(find_pictures(tmp_path)), lambda content: np.asarray(open_picture(content, "grey")))


def test_pictures_are_found_in_folders_of_folders_by_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".ipynb_checkpoints/c").mkdir(parents=True)
    hidden = (".hidden.png", ".ipynb_checkpoints/1.png", ".ipynb_checkpoints/c/1.png")
    for name in ("b/2.JPG", "b/1.png", "a.webp", "notes.txt", *hidden):
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in find_pictures(tmp_path)] == ["a.webp", "b/1.png", "b/2.JPG"]
    with pytest.raises(UserError, match="must have pictures"):
        find_pictures(tmp_path / "b" / "nothing")


def test_a_hidden_folder_may_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".mine").mkdir()
    (tmp_path / ".mine/1.png").touch()
    assert find_pictures(tmp_path / ".mine") == [tmp_path / ".mine/1.png"]


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).touch()
    with pytest.raises(UserError, match=r"names must be UTF-8\. Got b'caf\\xe9\.png'\. Rename the file") as error:
        find_pictures(tmp_path)
    assert str(error.value).isprintable()


def saved(image: Image.Image, kind: str, **options: bytes) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("exif", [b"II*\0\x08\0", b"II+\0"])
def test_a_picture_with_broken_exif_data_is_damaged(exif: bytes) -> None:
    content = saved(Image.new("L", (2, 2)), "PNG", exif=exif)
    with pytest.raises(ValueError, match=r"^is damaged \(error\)$"):
        open_picture(content, "grey")


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_16_bits_are_scaled_to_8(dtype: type) -> None:
    image = Image.fromarray(np.array([[0, 257, 65535]], dtype))
    for kind in ("PNG", "TIFF") if dtype is np.uint16 else ("TIFF",):
        assert np.asarray(open_picture(saved(image, kind), "grey")).tolist() == [[0, 1, 255]]


def test_a_dark_picture_of_16_bits_is_dark_and_a_black_one_black() -> None:
    dark, black = (Image.fromarray(np.full((1, 1), *value)) for value in ((255, np.uint16), (0, np.int32)))
    assert np.asarray(open_picture(saved(dark, "PNG"), "grey")).tolist() == [[1]]
    assert np.asarray(open_picture(saved(black, "TIFF"), "grey")).tolist() == [[0]]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.array([[0, 1]], np.float32), "has floating-point values"),
        (np.array([[0, 40000]], np.float32), "has floating-point values"),
        (np.array([[0, 255]], np.int32), "no value above 255: white is unknown; save it with 8 or 16 bits"),
        (np.array([[0, 65536]], np.int32), "not those of a picture of 16 bits"),
        (np.array([[-1, 300]], np.int32), "not those of a picture of 16 bits"),
    ],
)
def test_a_picture_of_unknown_brightness_is_refused(values: np.ndarray, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        open_picture(saved(Image.fromarray(values), "TIFF"), "grey")
