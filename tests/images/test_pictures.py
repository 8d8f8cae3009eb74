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
    for name in ("b/2.JPG", "b/1.png", "a.webp", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in find_pictures(tmp_path)] == ["a.webp", "b/1.png", "b/2.JPG"]
    with pytest.raises(UserError, match="must have pictures"):
        find_pictures(tmp_path / "b" / "nothing")
