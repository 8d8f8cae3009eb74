"""Every picture, and the only file that imports matplotlib: the same arrays give the same PNG or SVG file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from src.stage import writing


@contextmanager
def figure(path: str, rows: int, columns: int, size: tuple[float, float], **layout: Any) -> Iterator[Any]:
    """A figure of rows x columns axes, (rows, columns) array, `size` inches; written when the block ends.

    A path that ends in .png or .svg; the ground of an SVG is transparent.
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
            "svg.hashsalt": "",
        }
    ):
        fig, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **layout)
        yield axes
        with writing(path) as file:  # without version and date: the bytes depend on the arrays alone
            if file.suffix == ".svg":
                fig.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})
            else:
                fig.savefig(file, dpi=110, metadata={"Software": None})
        pyplot.close(fig)


def class_counts(path: str, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Images per label in each split, {split: {label: images}}, as bars with their numbers."""
    with figure(path, 1, len(counts), (4 * len(counts), 3.2)) as axes:
        for ax, (split, by_label) in zip(axes[0], counts.items(), strict=True):
            bars = ax.bar(list(by_label), list(by_label.values()), color="tab:blue")
            ax.bar_label(bars)
            ax.set(title=f"{split}: {sum(by_label.values())} images", xlabel="label", ylabel="images")
            ax.grid(axis="x", visible=False)


def learning_curves(path: str, name: str, history: list[dict[str, float]]) -> None:
    """A model's four curves: accuracy and loss by epoch, and accuracy by loss in validation and in training.

    history: one {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"} per epoch.
    """
    column = {key: [row[key] for row in history] for key in history[0]}
    with figure(path, 1, 4, (17, 3.8)) as axes:
        for ax, measure in zip(axes[0, :2], ("accuracy", "loss"), strict=True):
            ax.plot(column["epoch"], column[measure], marker=".", label="training")
            ax.plot(column["epoch"], column[f"val_{measure}"], marker=".", label="validation")
            ax.set(title=f"{name}: {measure} by epoch", xlabel="epoch", ylabel=measure)
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.legend()
        for ax, prefix, what in zip(axes[0, 2:], ("val_", ""), ("validation", "training"), strict=True):
            loss, accuracy = column[f"{prefix}loss"], column[f"{prefix}accuracy"]
            ax.plot(loss, accuracy, color="0.7", zorder=1)
            dots = ax.scatter(loss, accuracy, c=column["epoch"], cmap="viridis", s=18, zorder=2)
            ax.figure.colorbar(dots, ax=ax, label="epoch", ticks=sorted({1, len(history)}))
            ax.set(title=f"{name}: {what} accuracy by loss", xlabel=f"{what} loss", ylabel=f"{what} accuracy")


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
            _table(ax, counts[model], labels, labels)
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


def tables(path: str, counts: Mapping[tuple[str, str], tuple[Sequence[str], Any]]) -> None:
    """Tables side by side, {(what rows are, what columns are): (row names, (rows, columns) counts)}."""
    width = sum(2 + 0.8 * table.shape[1] for _, table in counts.values())
    height = 1.4 + 0.42 * max(len(names) for names, _ in counts.values())
    ratios = [table.shape[1] for _, table in counts.values()]
    with figure(path, 1, len(counts), (width, height), width_ratios=ratios) as axes:
        for ax, ((row, column), (names, table)) in zip(axes[0], counts.items(), strict=True):
            _table(ax, table, names, [str(number) for number in range(table.shape[1])])
            ax.set(title=f"{row} x {column}", xlabel=column, ylabel=row)


def _table(ax: Any, counts: Any, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Counts as numbers on a blue that is darker for a larger share of the row."""
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.grid(visible=False)
    for (row, column), count in ((place, counts[place]) for place in zip(*counts.nonzero(), strict=True)):
        ax.text(column, row, count, ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black")


def k_distances(path: str, distances: Any, k: int, eps: float) -> None:
    """Ascending distances, (n,), of each point to its k-th neighbour, and the eps in use."""
    with figure(path, 1, 1, (7, 4.2)) as axes:
        ax = axes[0, 0]
        ax.plot(distances)
        ax.axhline(eps, color="tab:red", linestyle="--", label=f"eps = {eps}")
        ax.set(title=f"Distance to neighbour number {k}", xlabel="images, by distance", ylabel="distance")
        ax.legend()


def clusters(path: str, maps: Mapping[str, Any], groups: Mapping[str, Any]) -> None:
    """Scatter plots: a row per map, {name: (n, 2)}, a column per grouping, {name: (n,)}; negative is noise, grey."""
    from matplotlib import colormaps

    with figure(path, len(maps), len(groups), (5.6 * len(groups), 5 * len(maps))) as axes:
        for row, (map_name, points) in zip(axes, maps.items(), strict=True):
            for ax, (group_name, members) in zip(row, groups.items(), strict=True):
                present = sorted(set(members.tolist()))
                palette = colormaps["tab10" if max(present) < 10 else "tab20"]
                for group in present:
                    inside = members == group
                    name, color = ("noise", "0.75") if group < 0 else (str(group), palette(group % palette.N))
                    ax.scatter(*points[inside].T, s=3, color=color, linewidths=0, label=f"{name} ({inside.sum():,})")
                ax.set(title=f"{group_name} on the {map_name} map", xticks=[], yticks=[])
                ax.legend(markerscale=4, fontsize=8, loc="upper right", framealpha=0.8)


def images(path: str, rows: Sequence[Sequence[tuple[Any, str]]]) -> None:
    """Rows of (side, side) uint8 pictures, each with a caption above."""
    columns = max(len(row) for row in rows)
    with figure(path, len(rows), columns, (1.15 * columns, 1.3 * len(rows))) as axes:
        for line, row in zip(axes, rows, strict=True):
            for ax in line:
                ax.axis("off")
            for ax, (picture, caption) in zip(line, row, strict=False):
                ax.imshow(picture, cmap="gray_r", vmin=0, vmax=255)
                ax.set_title(caption, fontsize=7)


def stability(path: str, report: Mapping[str, Any]) -> None:
    """What src/stability.py found: DBSCAN by eps, KMeans by its number of clusters, agreement by features."""
    with figure(path, 1, 3, (16, 4.4)) as axes:
        band, eps = report["eps"]["band"], axes[0, 0]
        for key, what in {"noise_share": "noise", "largest_share": "largest cluster, of the clustered"}.items():
            eps.plot([row["eps"] for row in band], [row[key] for row in band], marker=".", label=what)
        for row in band:
            eps.annotate(row["clusters"], (row["eps"], 1.02), ha="center", fontsize=8)
        lines = {"given": ("tab:red", "--"), "knee": ("tab:green", ":")}
        for key, (color, style) in lines.items():
            if report["eps"][key]:
                eps.axvline(report["eps"][key], color=color, linestyle=style, label=f"{key}: {report['eps'][key]:.2f}")
        eps.set(
            title="DBSCAN by eps (numbers of clusters above)", xlabel="eps", ylabel="share of images", ylim=(0, 1.1)
        )
        eps.legend(fontsize=8)
        by_k = axes[0, 1]
        by_k.plot([row["k"] for row in report["k"]], [row["silhouette"] for row in report["k"]], marker=".")
        by_k.set(title="KMeans by number of clusters", xlabel="k", ylabel="mean silhouette")
        by_k.xaxis.get_major_locator().set_params(integer=True)
        bars = axes[0, 2]
        for shift, truth in enumerate(next(iter(report["features"].values()))):
            values = [scores[truth]["ami"] for scores in report["features"].values()]
            drawn = bars.bar([place + 0.4 * shift for place in range(len(values))], values, 0.38, label=truth)
            bars.bar_label(drawn, fmt="%.2f", fontsize=8)
        bars.set_xticks([place + 0.2 for place in range(len(report["features"]))], list(report["features"]))
        bars.grid(axis="x", visible=False)
        bars.set(
            title="KMeans by features: agreement with the truth", ylabel="adjusted mutual information", ylim=(0, 1)
        )
        bars.legend(fontsize=8)
