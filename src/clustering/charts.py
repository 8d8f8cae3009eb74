"""Charts of the clusters: k-distances and maps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from src.clustering.agreement import matching
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


def label_names(
    labels: Sequence[str], y: np.ndarray, garments: Sequence[str], garment_numbers: np.ndarray
) -> list[str]:
    """What each label is called in a legend: `label 0: Shirt, Bag`, with the garments that most often bear it.

    y, garment_numbers: (n,) numbers of the labels and, negative where it is not known, of the garments of the images.
    """
    names = [f"label {label}" for label in labels]
    by_label: list[list[str]] = [[] for _ in labels]
    for number, garment in enumerate(garments):
        members = garment_numbers == number
        if members.any():
            by_label[np.bincount(y[members]).argmax()].append(garment)
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
