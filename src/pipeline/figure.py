"""Figures: the same arrays give the same PNG or SVG file. Only this file and the charts files import matplotlib."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from src.pipeline.files import atomic_write

DPI = 200  # of a PNG


@contextmanager
def figure(
    path: str, rows: int, columns: int, size: tuple[float, float], *, title: str | None = None, **layout: Any
) -> Iterator[Any]:
    """A figure of rows x columns axes, (rows, columns) array, `size` inches; written when the block ends.

    A path that ends in .png or .svg. An SVG has a transparent ground, its text is text, and `title` is what a screen
    reader says of it.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context(
        {
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "",
        }
    ):
        fig, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **layout)
        try:
            yield axes
            with atomic_write(path) as file:  # without version and date: the bytes depend on the arrays alone
                if file.suffix == ".svg":
                    described = {"Title": title} if title else {}
                    fig.savefig(file, transparent=True, metadata={"Date": None, "Creator": None} | described)
                else:
                    fig.savefig(file, dpi=DPI, metadata={"Software": None})
        finally:
            pyplot.close(fig)


def heat_table(ax: Any, counts: Any, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Counts as numbers on a blue that is darker for a larger share of the row."""
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.grid(visible=False)
    for (row, column), count in ((place, counts[place]) for place in zip(*counts.nonzero(), strict=True)):
        ax.text(column, row, count, ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black")
