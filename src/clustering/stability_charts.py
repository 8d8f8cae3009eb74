"""The chart of the clusters' stability."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.clustering.stability import Stability
from src.pipeline.figure import figure


def stability(path: str, report: Stability) -> None:
    """DBSCAN by eps, KMeans by its number of clusters, and agreement by features."""
    title = "Stability: DBSCAN by eps, KMeans by number of clusters, agreement by features"
    with figure(path, 1, 3, (16, 4.8), title=title) as axes:
        _by_eps(axes[0, 0], report)
        ax, rows = axes[0, 1], report["by_n_clusters"]
        scores = [np.nan if row["silhouette"] is None else row["silhouette"] for row in rows]
        ax.plot([row["n_clusters"] for row in rows], scores, marker=".")
        ax.set(title="KMeans by number of clusters", xlabel="clusters", ylabel="mean silhouette")
        ax.xaxis.get_major_locator().set_params(integer=True)
        _by_features(axes[0, 2], report["features"])


def _by_eps(ax: Any, report: Stability) -> None:
    """Shares of noise and of the largest cluster by eps; the number of clusters stands above each eps."""
    sweep = report["eps_sweep"]
    values = [row["eps"] for row in sweep]
    lines = {"noise_share": "noise", "largest_share": "largest cluster, of the clustered images"}
    for key, name in lines.items():
        ax.plot(values, [row[key] for row in sweep], marker=".", label=name)
    ax.axvline(report["eps_used"], color="tab:red", linestyle="--", label=f"eps in use: {report['eps_used']:g}")
    if report["eps_knee"] is not None:
        ax.axvline(report["eps_knee"], color="tab:green", linestyle=":", label=f"knee: {report['eps_knee']:.2f}")
    ax.set(title="DBSCAN by eps", xlabel="eps", ylabel="share of images", ylim=(-0.03, 1.03))
    counts = ax.secondary_xaxis("top")
    counts.set_xticks(values, [f"{row['clusters']:g}" for row in sweep], fontsize=8)
    counts.tick_params(length=0)
    counts.set_xlabel("clusters", fontsize=8)
    _legend_below(ax)


def _by_features(ax: Any, features: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """AMI of KMeans with each truth, a group of bars for each kind of features."""
    truths = list(next(iter(features.values())))
    for shift, truth in enumerate(truths):
        values = [scores[truth]["ami"] for scores in features.values()]
        bars = ax.bar(np.arange(len(values)) + 0.4 * shift, values, 0.38, label=f"with the {truth}")
        ax.bar_label(bars, fmt="%.2f", fontsize=8)
    ax.set_xticks(np.arange(len(features)) + 0.2 * (len(truths) - 1), list(features))
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.grid(axis="x", visible=False)
    ax.set(title="KMeans by features", ylabel="adjusted mutual information", ylim=(min(0, *ax.get_ylim()), 1.1))
    _legend_below(ax)


def _legend_below(ax: Any) -> None:
    """The legend, below the axes so that it hides nothing."""
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
