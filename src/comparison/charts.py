"""Charts of all models: learning curves, confusion matrices, reliability, accuracy by cost."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from src.pipeline.figure import figure, heat_table


def colors(models: Sequence[str]) -> dict[str, str]:
    """Each model's colour, #rrggbb, in the pictures that show all of them."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    palette = colormaps["tab10"]
    return {model: to_hex(palette(number % palette.N)) for number, model in enumerate(models)}


def curves(path: str, lines: Mapping[tuple[str, int, str], Mapping[str, Sequence[float]]]) -> None:
    """Accuracy and loss by epoch of all models: validation drawn through, training dotted, further seeds faint.

    lines: {(model, seed, "training" or "validation"): {"epoch", "accuracy", "loss"}}, a model's first seed first. In an
    SVG every line has the id curve-MODEL-SEED-SPLIT-MEASURE.
    """
    first: dict[str, int] = {}
    for model, seed, _ in lines:
        first.setdefault(model, seed)
    color = colors(list(first))
    with figure(path, 1, 2, (13, 5)) as axes:
        for ax, measure in zip(axes[0], ("accuracy", "loss"), strict=True):
            for (model, seed, split), line in lines.items():
                style = {
                    "linestyle": "-" if split == "validation" else ":",
                    "alpha": 1 if seed == first[model] else 0.3,
                }
                gid = f"curve-{model}-{seed}-{split}-{measure}"
                fill = color[model] if split == "validation" else "none"  # a single epoch is a dot without a line
                ax.plot(line["epoch"], line[measure], ".", color=color[model], mfc=fill, gid=gid, label=model, **style)
            ax.set(title=measure, xlabel="epoch", xscale="log")
            ax.set_xticks([], minor=True)
            ax.set_xticks([tick for tick in (1, 2, 5, 10, 20, 50, 100) if tick <= max(ax.get_xlim())])
            ax.xaxis.set_major_formatter("{x:g}")


@contextmanager
def _per_model(path: str, models: Sequence[str], side: float) -> Iterator[Any]:
    """(model, axes) of each model, four in a row, on squares of `side` inches."""
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    with figure(path, rows, columns, (side * columns + 0.6, side * rows)) as axes:
        for ax in axes.flat[len(models) :]:
            ax.axis("off")
        yield zip(models, axes.flat, strict=False)


def confusions(path: str, counts: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Each model's confusion matrix, (labels, labels) counts, rows the true labels; colours are shares of a row."""
    with _per_model(path, list(counts), 1.6 + 0.75 * len(labels)) as places:
        for model, ax in places:
            heat_table(ax, counts[model], labels, labels)
            ax.set(title=f"{model}: test images", xlabel="predicted label", ylabel="true label")


def reliability(path: str, diagrams: Mapping[str, Sequence[Mapping[str, Any]]], eces: Mapping[str, float]) -> None:
    """Each model's accuracy by confidence, a row of {"low", "high", "confidence", "accuracy"} per bin, and its ECE."""
    with _per_model(path, list(diagrams), 3.6) as places:
        for model, ax in places:
            column = {key: [row[key] for row in diagrams[model]] for key in ("low", "high", "confidence", "accuracy")}
            widths = [high - low for low, high in zip(column["low"], column["high"], strict=True)]
            ax.bar(column["low"], column["accuracy"], widths, align="edge", color="tab:blue", alpha=0.5, edgecolor="w")
            ax.plot(column["confidence"], column["accuracy"], ".", color="tab:blue")
            ax.plot([0, 1], [0, 1], "--", color="0.4")
            ax.set(title=f"{model}: ECE {eces[model]:.3f}", xlabel="confidence", ylabel="accuracy")


def pareto(path: str, table: Mapping[str, Mapping[str, Any]], costs: Mapping[str, str]) -> None:
    """Validation accuracy with its interval by each cost, {column: its name}; a line joins those that none beats."""
    from matplotlib.ticker import EngFormatter, LogLocator

    with figure(path, 1, len(costs), (6 * len(costs), 4.6)) as axes:
        for ax, (column, cost) in zip(axes[0], costs.items(), strict=True):
            for model, row in table.items():
                score = row["val_accuracy"]
                arms = [[score - row["val_low"]], [row["val_high"] - score]]
                ax.errorbar(row[column], score, arms, fmt="o", capsize=3, alpha=0.8, label=model)
            ahead = sorted((row[column], row["val_accuracy"]) for row in table.values() if row[f"front_{column}"])
            ax.step(*zip(*ahead, strict=True), "--", where="post", color="0.6", zorder=0, label="Pareto front")
            ax.set(xscale="log", xlabel=cost, ylabel="validation accuracy")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
            ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axes[0, -1].legend(bbox_to_anchor=(1, 1))
