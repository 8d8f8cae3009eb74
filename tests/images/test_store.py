from pathlib import Path

import numpy as np
import pytest

from src.images.digits import read_digits
from src.images.store import AMBIGUOUS, DIGITS, GARMENTS, UNKNOWN, Images


@pytest.mark.parametrize("names", [DIGITS, ()], ids=["named", "without names"])
def test_saved_images_are_read_back_the_same(names: tuple[str, ...], tmp_path: Path) -> None:
    images = read_digits()._replace(names=names)
    images.save(tmp_path / "images.npz")
    again = Images.load(tmp_path / "images.npz")
    assert again.names == names
    for read, saved in zip(again[:4], images[:4], strict=True):
        assert np.array_equal(read, saved)
        assert read.dtype == saved.dtype


def test_the_same_images_are_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        read_digits().save(tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_no_mark_for_what_is_not_known_is_a_names_number() -> None:
    assert UNKNOWN != AMBIGUOUS
    assert max(UNKNOWN, AMBIGUOUS) < 0 < len(GARMENTS) == len(DIGITS) == 10
