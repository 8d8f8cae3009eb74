"""Charts of the data: how many images each label has, and sheets of images."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.images.ground import is_dark
from src.pipeline.figure import figure


def class_counts(path: str, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Images per label in each split, {split: {label: images}}, as bars with their numbers."""
    with figure(path, 1, len(counts), (3.6 * len(counts), 3.2), sharey=True) as axes:
        for ax, (split, by_label) in zip(axes[0], counts.items(), strict=True):
            bars = ax.bar(list(by_label), list(by_label.values()), color="tab:blue")
            ax.bar_label(bars, fmt="{:,.0f}")
            ax.set(title=f"{split}: {sum(by_label.values()):,} images", xlabel="label")
            ax.yaxis.set_major_formatter("{x:,.0f}")
            ax.margins(y=0.12)  # room for the numbers above the bars
            ax.grid(axis="x", visible=False)
        axes[0, 0].set_ylabel("images")


def in_lines(pictures: Sequence[tuple[Any, str]], per_line: int) -> list[Sequence[tuple[Any, str]]]:
    """Pictures with captions, cut into the rows of a sheet."""
    return [pictures[start : start + per_line] for start in range(0, len(pictures), per_line)]


def image_sheet(path: str, rows: Sequence[Sequence[tuple[Any, str]]]) -> None:
    """Rows of pictures, (side, side) or (side, side, 3) uint8, each with a caption above."""
    columns = max(len(row) for row in rows)
    colors = "gray_r" if is_dark([picture for row in rows for picture, _ in row]) else "gray"
    with figure(path, len(rows), columns, (1.15 * columns, 1.3 * len(rows))) as axes:
        for line, row in zip(axes, rows, strict=True):
            for ax in line:
                ax.axis("off")
            for ax, (picture, caption) in zip(line, row, strict=False):
                ax.imshow(picture, cmap=colors, vmin=0, vmax=255)
                ax.set_title(caption, fontsize=7)
