"""Charts of the decoding: sheets of test images, and tables of labels, garments and clusters."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.images.charts import image_sheet, in_lines
from src.pipeline.figure import figure, heat_table

ROW = 10  # images in a row of the sheet


class Table(NamedTuple):
    """Counts of images, (rows, columns), and the names of both."""

    rows: Sequence[str]
    columns: Sequence[str]
    counts: np.ndarray


def sheet(path: str, x: np.ndarray, captions: Sequence[str]) -> None:
    """Images, uint8, with a caption each, in rows of ten."""
    image_sheet(path, in_lines(list(zip(x, captions, strict=True)), ROW))


def labels(path: str, x: np.ndarray, y: np.ndarray, captions: Sequence[str], n_per_label: int) -> None:
    """The first images of each label, a row per label: n images x, y (n,) ints, n captions."""
    rows = [np.flatnonzero(y == label)[:n_per_label] for label in np.unique(y)]
    image_sheet(path, [[(x[i], captions[i]) for i in row] for row in rows])


def tables(path: str, counts: dict[tuple[str, str], Table]) -> None:
    """Tables side by side, {(what rows are, what columns are): table}; colours are shares of a row."""
    ratios = [len(table.columns) for table in counts.values()]
    width = sum(2 + 0.8 * columns for columns in ratios)
    height = 1.4 + 0.42 * max(len(table.rows) for table in counts.values())
    title = "Images by label, garment and cluster"
    with figure(path, 1, len(counts), (width, height), title=title, width_ratios=ratios) as axes:
        for ax, ((row, column), table) in zip(axes[0], counts.items(), strict=True):
            heat_table(ax, table.counts, table.rows, table.columns)
            ax.set(title=f"Images by {row} and {column}", xlabel=column, ylabel=row)
