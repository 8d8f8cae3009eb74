"""The chart of accuracy by cost, with the Pareto front."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, NamedTuple

from src.comparison.charts import colors
from src.comparison.model_rows import ModelRow
from src.comparison.runs import Run
from src.pipeline.figure import figure


class Point(NamedTuple):
    """A model's mean cost and mean validation accuracy, and whether it is on the front."""

    model: str
    cost: float
    accuracy: float
    on_front: bool


def pareto(path: str, runs: Mapping[str, Sequence[Run]], rows: Sequence[ModelRow]) -> None:
    """Mean validation accuracy over seeds by mean training time and by parameters, labelled at the dots.

    Error bars are from the worst to the best seed. A model far below all others is a triangle at the lower edge, with
    its accuracy in words.
    """
    val = {model: [run.accuracy["val"] for run in seeds] for model, seeds in runs.items()}
    seconds = {model: mean(run.train_seconds for run in seeds) for model, seeds in runs.items()}
    panels = {
        "training time in seconds (log scale)": [
            Point(row["model"], seconds[row["model"]], row["val_mean"], row["pareto_train_seconds"]) for row in rows
        ],
        "number of parameters (log scale)": [
            Point(row["model"], row["n_params"], row["val_mean"], row["pareto_n_params"]) for row in rows
        ],
    }
    bottom = lower_edge([row["val_mean"] for row in rows])
    with figure(path, 1, 2, (12, 4.6), title="Validation accuracy of each model by its cost") as axes:
        for ax, (cost, points) in zip(axes[0], panels.items(), strict=True):
            ax.set(xscale="log", xlabel=cost, ylabel="validation accuracy, mean over seeds")
            _draw(ax, points, val, bottom)
        dashed = "dashed: Pareto front; bars: worst to best seed"
        axes[0, 0].figure.suptitle(f"Validation accuracy by cost; {dashed}", fontsize="medium")


def lower_edge(accuracies: Sequence[float]) -> float:
    """The lowest accuracy that the axis shows, so that a model far below the others does not press them together."""
    middle, top = median(accuracies), max(accuracies)
    in_range = [value for value in accuracies if value >= middle - 3 * (top - middle)]
    return min(in_range) - 0.15 * max(top - min(in_range), 0.01)


def _draw(ax: Any, points: Sequence[Point], val: Mapping[str, Sequence[float]], bottom: float) -> None:
    """The dots of one panel, their error bars, names, and the front."""
    from matplotlib.ticker import EngFormatter, LogLocator, PercentFormatter

    color = colors([point.model for point in points])
    front = sorted((point.cost, point.accuracy) for point in points if point.on_front)
    ax.step(*zip(*front, strict=True), "--", where="post", color="0.6", zorder=0)
    for rank, point in enumerate(sorted(points, key=lambda point: (point.accuracy, point.cost))):
        y, lowest, highest = point.accuracy, min(val[point.model]), max(val[point.model])
        if y < bottom:
            ax.plot(point.cost, bottom, "v", color=color[point.model], clip_on=False)
            text = f"{point.model} {y:.1%}"
        else:
            arms = [[max(y - lowest, 0)], [max(highest - y, 0)]]
            ax.errorbar(point.cost, y, arms, fmt="o", capsize=3, color=color[point.model])
            text = point.model
        above = rank % 2 == 1 or y < bottom
        place = {"xytext": (5, 5 if above else -5), "va": "bottom" if above else "top"}
        ax.annotate(text, (point.cost, max(y, bottom)), textcoords="offset points", fontsize=9, **place)
    ax.set_ylim(bottom=bottom)
    cheapest, dearest = min(point.cost for point in points), max(point.cost for point in points)
    room = 1.3 * (dearest / cheapest) ** 0.2  # for the names, also where all costs are equal
    ax.set_xlim(cheapest / room, dearest * room)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
