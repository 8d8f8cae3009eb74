"""Chart of the replication: published learning curves in units of our seeds' spread."""

from collections.abc import Sequence

from src.comparison.charts import STYLES, colors
from src.comparison.replication import Replicated
from src.pipeline.figure import figure


def replication(path: str, rows: Sequence[Replicated], confidence: float) -> None:
    """How far each published number lies from our seeds' mean, in standard deviations of one more run, by epoch.

    A panel for each split with a curve and each measure. The band is the prediction interval of the fewest seeds.
    """
    from scipy import stats

    models = list(dict.fromkeys(row["model"] for row in rows))
    color = colors(models)
    panels = [(split, measure) for split in STYLES for measure in ("accuracy", "loss")]
    title = "Published learning curves against our seeds: standard deviations of one more run above the mean"
    with figure(path, 2, 2, (11, 7), title=title, sharex=True, sharey=True) as axes:
        axes[0, 0].figure.suptitle(title, fontsize="medium")
        for ax, panel in zip(axes.flat, panels, strict=True):
            own = [row for row in rows if (row["split"], row["measure"]) == panel]
            ax.set(title=f"{panel[0].capitalize()} {panel[1]}")
            for model in models:
                curve = [row for row in own if row["model"] == model]
                ax.plot(
                    [row["epoch"] for row in curve], [row["t"] for row in curve], ".-", color=color[model], label=model
                )
            if own:
                edge = stats.t.ppf((1 + confidence) / 2, min(row["n_seeds"] for row in own) - 1)
                ax.axhspan(-edge, edge, color="gray", alpha=0.15, label=f"{confidence:.0%} prediction interval")
            ax.axhline(0, color="gray", linewidth=0.8)
        for ax in axes[1]:
            ax.set(xlabel="epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes[:, 0]:
            ax.set(ylabel="standard deviations")
        if rows:
            axes[0, 0].figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
