"""Charts of the decoding: tables of labels, garments and clusters."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.pipeline.figure import figure, heat_table


def tables(path: str, counts: Mapping[tuple[str, str], tuple[Sequence[str], Any]]) -> None:
    """Tables side by side, {(what rows are, what columns are): (row names, (rows, columns) counts)}."""
    width = sum(2 + 0.8 * table.shape[1] for _, table in counts.values())
    height = 1.4 + 0.42 * max(len(names) for names, _ in counts.values())
    ratios = [table.shape[1] for _, table in counts.values()]
    with figure(path, 1, len(counts), (width, height), width_ratios=ratios) as axes:
        for ax, ((row, column), (names, table)) in zip(axes[0], counts.items(), strict=True):
            heat_table(ax, table, names, [str(number) for number in range(table.shape[1])])
            ax.set(title=f"{row} x {column}", xlabel=column, ylabel=row)
