import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.decoding import charts


def test_tables_have_the_names_of_both_sides_and_the_counts(tmp_path: Path) -> None:
    garment = charts.Table(["Bag", "Coat", "Dress"], ["3", "7"], np.array([[31, 0], [0, 42], [0, 5]]))
    cluster = charts.Table(["3", "7"], ["0", "1"], np.array([[100, 2], [0, 11]]))
    path = tmp_path / "a.svg"
    charts.tables(str(path), {("garment", "label"): garment, ("label", "KMeans cluster"): cluster})
    texts = re.findall(r">([^<>]+)</text>", path.read_text(encoding="utf-8"))
    assert {"Bag", "Coat", "Dress", "31", "42", "5", "100", "2", "11"} <= set(texts)
    assert {"Images by garment and label", "Images by label and KMeans cluster"} <= set(texts)
    assert texts.index("3") < texts.index("7")


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[list[list[tuple[int, str]]]]:
    """Each sheet that is drawn, as rows of an image's first pixel and its caption."""
    drawn: list[list[list[tuple[int, str]]]] = []

    def image_sheet(path: str, rows: Any) -> None:
        drawn.append([[(int(image[0, 0]), caption) for image, caption in row] for row in rows])

    monkeypatch.setattr(charts, "image_sheet", image_sheet)
    return drawn


X = np.arange(12, dtype=np.uint8).reshape(12, 1, 1)
CAPTIONS = [f"image {number}" for number in range(12)]


def test_the_sheet_has_ten_images_in_a_row(sheets: list[Any]) -> None:
    charts.sheet("a.png", X, CAPTIONS)
    assert [len(row) for row in sheets[0]] == [10, 2]
    assert sheets[0][1] == [(10, "image 10"), (11, "image 11")]


def test_each_label_has_a_row_of_its_first_images(sheets: list[Any]) -> None:
    charts.labels("a.png", X, np.array([1, 0, 1, 1, 4] + [4] * 7), CAPTIONS, 2)
    assert [[image for image, _ in row] for row in sheets[0]] == [[1], [0, 2], [4, 5]]
