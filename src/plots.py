"""Every picture, and the only file that imports matplotlib: functions from arrays to PNG files that are the same for the same arrays."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from src.stage import writing


@contextmanager
def figure(path: str, rows: int, columns: int, size: tuple[float, float], **layout: Any) -> Iterator[Any]:
    """A figure of rows x columns axes, (rows, columns) array, `size` inches; written as PNG when the block ends."""
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
        }
    ):
        fig, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **layout)
        yield axes
        with writing(path) as file:
            fig.savefig(file, dpi=110, metadata={"Software": None})  # no version: the bytes depend on the arrays alone
        pyplot.close(fig)


def class_counts(path: str, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Images per label in each split, {split: {label: images}}, as bars with their numbers."""
    with figure(path, 1, len(counts), (4 * len(counts), 3.2)) as axes:
        for ax, (split, by_label) in zip(axes[0], counts.items(), strict=True):
            bars = ax.bar(list(by_label), list(by_label.values()), color="tab:blue")
            ax.bar_label(bars)
            ax.set(title=f"{split}: {sum(by_label.values())} images", xlabel="label", ylabel="images")
            ax.grid(axis="x", visible=False)
