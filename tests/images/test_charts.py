from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.images.charts import class_counts, image_sheet, in_lines

Drawn = Callable[[], list[Any]]


def test_each_split_has_bars_of_its_labels_counts(tmp_path: Path, drawn: Drawn) -> None:
    class_counts(str(tmp_path / "a.png"), {"train": {"0": 30_000, "7": 5}, "test": {"0": 1, "7": 2}})
    train, test = drawn()
    assert train.get_title() == "train: 30,005 images"
    assert test.get_title() == "test: 3 images"
    for ax, counts in ((train, [30_000, 5]), (test, [1, 2])):
        assert [bar.get_height() for bar in ax.patches] == counts
        assert [text.get_text() for text in ax.texts] == [f"{count:,}" for count in counts]
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "7"]
        assert ax.get_xlabel() == "label"
        assert ax.get_ylim() == (0, pytest.approx(30_000 * 1.12))  # the same scale, and room for the numbers
    assert train.get_ylabel() == "images"


def test_a_sheet_has_each_picture_in_its_place_under_its_caption(tmp_path: Path, drawn: Drawn) -> None:
    picture = np.arange(4, dtype=np.uint8).reshape(2, 2)
    image_sheet(str(tmp_path / "a.png"), [[(picture, "Bag"), (picture + 9, "Coat")], [(picture + 99, "Shirt")]])
    first, second, third, empty = drawn()
    assert [ax.get_title() for ax in (first, second, third, empty)] == ["Bag", "Coat", "Shirt", ""]
    for ax, expected in ((first, picture), (second, picture + 9), (third, picture + 99)):
        (image,) = ax.get_images()
        assert np.array_equal(image.get_array(), expected)
        assert image.get_clim() == (0, 255)  # the same grey for the same pixel on all pictures
        assert image.get_cmap().name == "gray_r"  # light things on a dark ground, as a negative
    assert not empty.get_images()
    assert not any(ax.axison for ax in (first, empty))


@pytest.mark.parametrize(
    ("picture", "shown"),
    [(np.full((2, 2), 200, np.uint8), [200 / 255] * 3), (np.full((2, 2, 3), (10, 20, 30), np.uint8), [10, 20, 30])],
)
def test_pictures_on_a_light_ground_and_colored_ones_are_shown_as_they_are(
    picture: np.ndarray, shown: list[float], tmp_path: Path, drawn: Drawn
) -> None:
    image_sheet(str(tmp_path / "a.png"), [[(picture, "cat")]])
    (image,) = drawn()[0].get_images()
    color = image.get_array()[0, 0] if picture.ndim == 3 else image.to_rgba(image.get_array())[0, 0, :3]
    assert color.tolist() == pytest.approx(shown)


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_the_kind_of_file_follows_the_name(name: str, tmp_path: Path) -> None:
    class_counts(str(tmp_path / name), {"train": {"0": 3}})
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")


def test_pictures_fill_one_line_after_the_other() -> None:
    pictures = [(number, str(number)) for number in range(5)]
    assert in_lines(pictures, 2) == [pictures[:2], pictures[2:4], pictures[4:]]
    assert in_lines(pictures, 5) == [pictures]
    assert in_lines([], 5) == []
