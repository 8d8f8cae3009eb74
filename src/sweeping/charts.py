"""The chart of a sweep: a slice for each searched key."""

from collections.abc import Sequence
from typing import Any

from src.pipeline.figure import figure
from src.sweeping.plan import Plan
from src.sweeping.records import Trial

STYLES = {  # of a trial's dot: marker, filled, name
    "finished": ("o", True, "finished"),
    "pruned": ("o", False, "pruned, or not finished: accuracy so far"),
    "current": ("D", True, "the recipe of params.yaml"),
    "winner": ("*", True, "the best"),
}
COLUMNS = 4


def slices(path: str, plan: Plan, trials: Sequence[Trial], winner: Trial | None) -> None:
    """Each trial's validation accuracy by its value of each searched key, a panel for each key of each model."""
    panels = [(model, key) for model, scales in plan.space.items() for key in scales]
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (3.4 * columns + 0.8, 3 * rows + 0.9)
    title = "Validation accuracy of the trials by each searched key"
    with figure(path, rows, columns, size, title=title, sharey=True) as axes:
        for ax in axes.flat[len(panels) :]:
            ax.axis("off")
        for ax, (model, key) in zip(axes.flat, panels, strict=False):
            _draw(ax, plan, model, key, trials, winner)
        for ax in axes[:, 0]:
            ax.set_ylabel("validation accuracy")
        fig = axes[0, 0].figure
        entries = {name: dot for ax in axes.flat for dot, name in zip(*ax.get_legend_handles_labels(), strict=True)}
        fig.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=len(STYLES), frameon=False)


def _draw(ax: Any, plan: Plan, model: str, key: str, trials: Sequence[Trial], winner: Trial | None) -> None:
    """The dots of one panel; choices stand side by side, what the recipe has besides them at last."""
    from matplotlib.ticker import FuncFormatter, LogLocator, PercentFormatter

    scale = plan.space[model][key]
    choices = list(dict.fromkeys([*scale["choice"], plan.current(model)[key]])) if "choice" in scale else []
    for trial in trials:
        score = trial.score(plan.epochs)
        if trial.model != model or score is None:
            continue
        kind = "finished" if trial.state == "finished" else "pruned"
        kind = "current" if trial.tunables == plan.current(model) else kind
        kind = "winner" if trial is winner else kind
        marker, filled, label = STYLES[kind]
        x = choices.index(trial.tunables[key]) if choices else trial.tunables[key]
        color = {"winner": "tab:red", "current": "tab:orange"}.get(kind, "tab:blue")
        face = color if filled else "none"
        size = 12 if kind == "winner" else 6
        ax.plot(x, score, marker, color=color, markerfacecolor=face, markersize=size, label=label, linestyle="none")
    if choices:
        ax.set_xticks(range(len(choices)), [str(value) for value in choices])
        ax.margins(x=0.2)
    elif "log" in scale:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    ax.set_xlabel(key if len(plan.space) == 1 else f"{model}: {key}")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
