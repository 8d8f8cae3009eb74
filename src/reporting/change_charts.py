"""The chart of learning curves that changed since another revision."""

from collections.abc import Iterable, Mapping, Sequence

from src.comparison.runs import Run
from src.pipeline.figure import figure
from src.reporting.before import Epoch

COLUMNS = 4  # of axes
BEFORE, NOW = "tab:gray", "tab:blue"


def changed_curves(path: str, before: Mapping[str, Sequence[Epoch]], now: Mapping[str, Sequence[Run]]) -> None:
    """Validation accuracy by epoch of each model in `now`, every seed a line, over what it was before, dashed."""
    from matplotlib.lines import Line2D

    columns = min(len(now), COLUMNS)
    rows = -(-len(now) // columns)
    with figure(path, rows, columns, (3.4 * columns + 1.4, 2.6 * rows), title="Validation accuracy by epoch") as axes:
        for ax in axes.flat[len(now) :]:
            ax.axis("off")
        for ax, (model, runs) in zip(axes.flat, now.items(), strict=False):
            for epochs in _by_seed(before[model]):
                ax.plot(
                    [row["epoch"] for row in epochs],
                    [row["val_accuracy"] for row in epochs],
                    color=BEFORE,
                    linestyle="dashed",
                    marker=".",
                )
            for run in runs:
                ax.plot(run.history["epoch"], run.history["val_accuracy"], color=NOW, marker=".")
            ax.set(title=model, xlabel="epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes[:, 0]:
            ax.set_ylabel("validation accuracy")
        entries = [
            Line2D([], [], color=BEFORE, linestyle="dashed", marker=".", label="before"),
            Line2D([], [], color=NOW, marker=".", label="now"),
        ]
        axes[0, 0].figure.legend(handles=entries, loc="outside right upper", frameon=False)


def _by_seed(epochs: Iterable[Epoch]) -> list[list[Epoch]]:
    """The epochs of each seed."""
    seeds: dict[int, list[Epoch]] = {}
    for row in epochs:
        seeds.setdefault(row["seed"], []).append(row)
    return list(seeds.values())
