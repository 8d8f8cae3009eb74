"""Charts of the clusters: k-distances, maps, stability."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.pipeline.figure import figure


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
