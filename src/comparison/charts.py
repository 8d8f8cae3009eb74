"""Charts of all models: learning curves, confusion matrices, reliability diagrams."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from src.comparison.calibration import Bin
from src.comparison.model_rows import ModelRow
from src.comparison.runs import Run
from src.pipeline.figure import figure

MIN_BIN_COUNT = 10  # images; the accuracy of fewer says nothing
STYLES: dict[str, tuple[str, Literal[":", "-"]]] = {
    "training": ("", ":"),
    "validation": ("val_", "-"),
}  # prefix in the history, line style


def colors(models: Sequence[str]) -> dict[str, str]:
    """Each model's colour, #rrggbb, in the charts that show all of them."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    palette = colormaps["tab10"]
    return {model: to_hex(palette(number % palette.N)) for number, model in enumerate(models)}


def curve_id(run: Run, split: str, measure: str) -> str:
    """The id of a line in the chart of learning curves, by which scripts find it."""
    return f"curve-{run.model}-{run.seed}-{split}-{measure}"


def learning_curves(path: str, runs: Mapping[str, Sequence[Run]]) -> None:
    """Accuracy and loss by epoch: validation solid, training dotted, other seeds than the first faint.

    Every line has its `curve_id`. Where no model has a second epoch, they are side by side.
    """
    from matplotlib.lines import Line2D

    color, longest = colors(list(runs)), max(run.epochs for seeds in runs.values() for run in seeds)
    with figure(path, 1, 2, (13, 5), title="Accuracy and loss of each model by epoch") as axes:
        for ax, measure in zip(axes[0], ("accuracy", "loss"), strict=True):
            for number, (model, seeds) in enumerate(runs.items()):
                for run in seeds:
                    for split, (prefix, line) in STYLES.items():
                        ax.plot(
                            run.history["epoch"] if longest > 1 else [number],
                            run.history[f"{prefix}{measure}"],
                            line,
                            marker=".",
                            color=color[model],
                            markerfacecolor=color[model] if split == "validation" else "none",
                            alpha=1 if run is seeds[0] else 0.3,
                            gid=curve_id(run, split, measure),
                        )
            ax.set(title=measure.capitalize(), ylabel=measure)
            if longest > 1:
                ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= longest]
                ax.set(xlabel="epoch (log scale)", xscale="log")
                ax.set_xticks(ticks, [str(tick) for tick in ticks])
                ax.set_xticks([], minor=True)
            else:
                ax.set_xticks(range(len(runs)), list(runs), rotation=30)
                ax.set(xlabel="model, after one epoch")
        entries = [Line2D([], [], color=color[model], label=model) for model in runs]
        entries += [
            Line2D([], [], color="gray", linestyle=line, marker=".", label=split) for split, (_, line) in STYLES.items()
        ]
        entries += [Line2D([], [], color="gray", alpha=0.3, label="other seeds")]
        axes[0, 0].figure.legend(handles=entries, loc="outside right upper", frameon=False)


def confusion(path: str, counts: Mapping[str, np.ndarray], labels: Sequence[str]) -> None:
    """Each model's confusion matrix, (labels, labels) counts, rows the true labels.

    Blue: correct, orange: errors, each darker for a larger share of the row; the errors' scale is of square roots and
    ends at the largest error of all models.
    """
    title = "Test images by true and predicted label; blue: correct, orange: errors (square-root scale)"
    diagonal = np.eye(len(labels), dtype=bool)
    shares = {model: matrix / matrix.sum(axis=1, keepdims=True).clip(1) for model, matrix in counts.items()}
    largest = max([share[~diagonal].max() for share in shares.values()] + [0.01])
    with _per_model(path, list(counts), 1.6 + 0.75 * len(labels), title) as places:
        for model, ax in places:
            errors = np.sqrt(shares[model] / largest)
            layers = (("Blues", ~diagonal, shares[model]), ("Oranges", diagonal, errors))
            for palette, hidden, darkness in layers:
                ax.imshow(np.ma.array(darkness, mask=hidden), cmap=palette, vmin=0, vmax=1, aspect="auto")
                for row, column in zip(*np.nonzero(~hidden & (counts[model] > 0)), strict=True):
                    ink = "white" if darkness[row, column] > 0.6 else "black"
                    ax.text(column, row, str(counts[model][row, column]), ha="center", va="center", color=ink)
            ax.set_xticks(range(len(labels)), labels)
            ax.set_yticks(range(len(labels)), labels)
            ax.grid(visible=False)
            ax.set(title=model, xlabel="predicted label", ylabel="true label")


def reliability(path: str, bins: Mapping[str, Sequence[Bin]], rows: Sequence[ModelRow]) -> None:
    """Each model's accuracy by confidence, a bar per bin of enough images, darker for more of them; and its ECE."""
    title = f"Accuracy by confidence on test images; darker: more images, bins under {MIN_BIN_COUNT} images left out"
    with _per_model(path, [row["model"] for row in rows], 3.6, title) as places:
        for row, (model, ax) in zip(rows, places, strict=False):
            kept = [bin_ for bin_ in bins[model] if bin_["count"] >= MIN_BIN_COUNT]
            most = max((bin_["count"] for bin_ in kept), default=1)
            for bin_ in kept:
                width, alpha = bin_["bin_high"] - bin_["bin_low"], 0.2 + 0.7 * (bin_["count"] / most) ** 0.5
                style = {"align": "edge", "color": "tab:blue", "edgecolor": "white"}
                ax.bar(bin_["bin_low"], bin_["accuracy"], width, alpha=alpha, **style)
            ax.plot([0, 1], [0, 1], "--", color="0.4")
            ax.set(title=f"{model}: ECE {row['ece']:.3f} (by chance {row['ece_floor']:.3f})")
            ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))


@contextmanager
def _per_model(path: str, models: Sequence[str], side: float, title: str) -> Iterator[Any]:
    """(model, axes) of each model, four in a row, on squares of `side` inches, under a title."""
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    with figure(path, rows, columns, (side * columns + 0.6, side * rows + 0.4), title=title) as axes:
        for ax in axes.flat[len(models) :]:
            ax.axis("off")
        axes[0, 0].figure.suptitle(title, fontsize="medium", wrap=True)
        yield zip(models, axes.flat, strict=False)
