"""Charts of the clusters: k-distances, maps, stability."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from src.clustering.agreement import matching
from src.clustering.stability import Stability
from src.pipeline.figure import figure

NOISE_COLOR, OTHER_COLOR = "0.8", "0.4"


def k_distance(path: str, distances: np.ndarray, k: int, eps: float, knee: int | None) -> None:
    """Ascending distances, (n,), of each image to its k-th nearest, the eps in use, and the index of the knee."""
    title = f"Distance of each image to its k-th nearest other image, k = {k}"
    with figure(path, 1, 1, (7, 4.2), title=title) as axes:
        ax = axes[0, 0]
        ax.plot(distances)
        ax.axhline(eps, color="tab:red", linestyle="--", label=f"eps in use: {eps:g}")
        if knee is not None:
            ax.plot(knee, distances[knee], "o", color="tab:green", label=f"knee: {distances[knee]:.2f}")
        ax.set(title=title, xlabel="images, in order of distance", ylabel="distance")
        ax.legend()


def label_names(labels: Sequence[str], y: np.ndarray, garments: Sequence[str], shown: np.ndarray) -> list[str]:
    """What each label is called in a legend: `label 0: Shirt, Bag`, with the garments that most often bear it.

    y, shown: (n,) numbers of the labels and, negative where it is not known, of the garments of the images.
    """
    names = [f"label {label}" for label in labels]
    by_label: list[list[str]] = [[] for _ in labels]
    for number, garment in enumerate(garments):
        if (shown == number).any():
            by_label[np.bincount(y[shown == number]).argmax()].append(garment)
    return [f"{name}: {', '.join(group)}" if group else name for name, group in zip(names, by_label, strict=True)]


def maps(
    path: str,
    places: Mapping[str, np.ndarray],
    y: np.ndarray,
    names: Sequence[str],
    clusters: Mapping[str, np.ndarray],
) -> None:
    """Scatter plots: a row per map, {name: (n, 2)}, a column for the labels and each method, {name: (n,) ints}.

    y: (n,) numbers of labels, `names` theirs. A cluster has the colour of the label that it matches best; clusters that
    match no label share a dark grey, and noise is light grey.
    """
    columns = {"labels": list(_label_groups(y, names))}
    columns |= {method: list(_cluster_groups(values, y)) for method, values in clusters.items()}
    with figure(path, len(places), len(columns), (5.2 * len(columns), 5 * len(places) + 1.2)) as axes:
        for row, (map_name, points) in zip(axes, places.items(), strict=True):
            for ax, (column, groups) in zip(row, columns.items(), strict=True):
                for name, color, members in groups:
                    ax.scatter(*points[members].T, s=3, color=color, linewidths=0, label=f"{name} ({members.sum():,})")
                ax.set(title=f"{column} on the {map_name} map", xticks=[], yticks=[])
        for ax, column in zip(axes[-1], columns, strict=True):
            title = None if column == "labels" else "in the colour of the label that matches best"
            place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.02), "frameon": False}
            ax.legend(title=title, markerscale=4, fontsize=8, title_fontsize=8, **place)


Group = tuple[str, Any, np.ndarray]  # its name, its colour, and which images are in it, (n,) bool


def _label_groups(y: np.ndarray, names: Sequence[str]) -> Iterator[Group]:
    """The labels that occur."""
    for label in np.unique(y).tolist():
        yield names[label], _color(label), y == label


def _cluster_groups(clusters: np.ndarray, y: np.ndarray) -> Iterator[Group]:
    """The clusters in the order of the labels that they match, the others as one group, and noise."""
    matched = matching(clusters, y)
    for cluster, label in sorted(matched.items(), key=lambda pair: pair[1]):
        yield f"cluster {cluster}", _color(label), clusters == cluster
    others = sorted(set(clusters[clusters >= 0].tolist()) - set(matched))
    if others:
        yield f"{len(others)} other cluster{'s' * (len(others) > 1)}", OTHER_COLOR, np.isin(clusters, others)
    if (clusters < 0).any():
        yield "noise", NOISE_COLOR, clusters < 0


def _color(label: int) -> Any:
    """The colour of a label; after thirty they begin anew."""
    from matplotlib import colormaps

    return colormaps["tab10"](label) if label < 10 else colormaps["tab20b"](label % 20)


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
