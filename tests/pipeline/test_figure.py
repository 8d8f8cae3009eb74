from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.pipeline.figure import figure, heat_table


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_same_arrays_give_the_same_file(kind: str, start: bytes, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with figure(str(tmp_path / f"{name}.{kind}"), 1, 2, (4, 2)) as axes:
            assert axes.shape == (1, 2)
            axes[0, 0].scatter(range(5), range(5), label="points")
            axes[0, 0].legend()
            axes[0, 1].imshow(np.eye(3))
    content = (tmp_path / f"a.{kind}").read_bytes()
    assert content.startswith(start)
    assert content == (tmp_path / f"b.{kind}").read_bytes()


def test_a_figure_that_fails_leaves_no_file_and_none_open(tmp_path: Path) -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    with figure(str(tmp_path / "a.png"), 1, 1, (2, 2)):
        pass
    assert pyplot.get_fignums() == before
    with pytest.raises(ValueError, match="broken"), figure(str(tmp_path / "b.png"), 1, 1, (2, 2)):
        raise ValueError("broken")
    assert pyplot.get_fignums() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_style_ends_with_its_figure(tmp_path: Path) -> None:
    import matplotlib

    before = matplotlib.rcParams["axes.grid"]
    with figure(str(tmp_path / "a.svg"), 1, 1, (2, 2)):
        assert matplotlib.rcParams["axes.grid"]
    assert matplotlib.rcParams["axes.grid"] == before


def test_a_heat_table_has_its_counts_in_their_rows(tmp_path: Path, drawn: Callable[[], list[Any]]) -> None:
    with figure(str(tmp_path / "a.png"), 1, 1, (3, 2)) as axes:
        heat_table(axes[0, 0], np.array([[3, 1, 0], [0, 0, 0]]), ["Bag", "Coat"], ["0", "1", "2"])
    (ax,) = drawn()
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(0, 0): "3", (1, 0): "1"}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["Bag", "Coat"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "2"]
    (image,) = ax.get_images()
    assert image.get_array().tolist() == [[0.75, 0.25, 0], [0, 0, 0]]
    assert [text.get_color() for text in ax.texts] == ["white", "black"]
