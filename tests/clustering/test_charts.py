from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import same_color

from src.clustering import charts, stability_charts
from src.clustering.stability import Stability

REPORT: Stability = {
    "eps_used": 1.6,
    "eps_knee": 1.9,
    "eps_sweep": [
        {"eps": eps, "clusters": clusters, "noise_share": noise, "largest_share": 0.5}
        for eps, clusters, noise in ((1.0, 6, 0.4), (2.0, 3, 0.1))
    ],
    "by_n_clusters": [
        {"n_clusters": k, "inertia": 1.0, "silhouette": score} for k, score in ((2, 0.5), (3, None), (4, 0.2))
    ],
    "seeds": {"n_seeds": 2, "mean_ari": 1.0, "min_ari": 1.0},
    "hdbscan": {},
    "encoders": [],
    "intervals": {},
    "features": {
        name: {"labels": {"ami": ami}, "garments": {"ami": ami / 2}}
        for name, ami in (("trained", 1.0), ("pixels", 0.3))
    },
    "red_flags": [],
}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The axes of each figure that is drawn, in a folder of its own."""
    kept: list[Any] = []
    figure = charts.figure

    @contextmanager
    def keep(*arguments: Any, **layout: Any) -> Iterator[Any]:
        with figure(*arguments, **layout) as axes:
            kept.append(axes)
            yield axes

    monkeypatch.setattr(charts, "figure", keep)
    monkeypatch.setattr(stability_charts, "figure", keep)
    monkeypatch.chdir(tmp_path)
    return kept


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def boxes_overlap(ax: Any, artist: Any) -> bool:
    ax.figure.draw_without_rendering()
    return bool(artist.get_window_extent().overlaps(ax.patch.get_window_extent()))


def test_k_distances_with_eps_and_the_knee(drawn: list[Any]) -> None:
    distances = np.array([1.0, 1, 2, 5])
    charts.k_distance("a.svg", distances, 59, 1.6, 2)
    ax = drawn[0][0, 0]
    curve, eps, knee = ax.get_lines()
    assert curve.get_ydata().tolist() == distances.tolist()
    assert list(eps.get_ydata()) == [1.6, 1.6]
    assert (knee.get_xdata()[0], knee.get_ydata()[0]) == (2, 2.0)
    assert legend(ax) == ["eps in use: 1.6", "knee: 2.00"]
    assert ax.get_title() == "Distance of each image to its k-th nearest other image, k = 59"


def test_without_a_knee_none_is_drawn(drawn: list[Any]) -> None:
    charts.k_distance("a.svg", np.array([1.0, 2]), 1, 1.6, None)
    assert legend(drawn[0][0, 0]) == ["eps in use: 1.6"]


def test_labels_are_named_by_the_garments_that_bear_them() -> None:
    y, shown = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 0, 1, 1, 2, -1])
    names = charts.label_names(["3", "7", "9"], y, ["Bag", "Coat", "Dress", "Shirt"], shown)
    assert names == ["label 3: Bag", "label 7: Coat, Dress", "label 9"]
    assert charts.label_names(["3", "7", "9"], y, [], np.full(6, -1)) == ["label 3", "label 7", "label 9"]


def test_clusters_have_the_colour_of_the_label_that_they_match(drawn: list[Any]) -> None:
    y = np.array([0, 0, 0, 1, 1, 1])
    points = np.arange(12.0).reshape(6, 2)
    clusters = {"KMeans": 1 - y, "DBSCAN": np.array([2, 2, -1, 0, 0, 1])}
    charts.maps("a.png", {"t-SNE": points, "PCA": -points}, y, ["label 0: Bag", "label 1"], clusters)
    axes = drawn[0]
    assert [ax.get_title() for ax in axes[1]] == [
        "labels on the PCA map",
        "KMeans on the PCA map",
        "DBSCAN on the PCA map",
    ]
    labels, kmeans, dbscan = axes[0]
    assert legend(axes[1, 0]) == ["label 0: Bag (3)", "label 1 (3)"]
    assert legend(axes[1, 1]) == ["cluster 1 (3)", "cluster 0 (3)"]
    assert legend(axes[1, 2]) == ["cluster 2 (2)", "cluster 0 (2)", "1 other cluster (1)", "noise (1)"]
    for of_label, of_cluster in zip(labels.collections, kmeans.collections, strict=True):
        assert same_color(of_label.get_facecolor(), of_cluster.get_facecolor())
        assert of_label.get_offsets().tolist() == of_cluster.get_offsets().tolist()
    assert same_color(dbscan.collections[-1].get_facecolor(), charts.NOISE_COLOR)
    assert same_color(dbscan.collections[-2].get_facecolor(), charts.OTHER_COLOR)
    assert not any(boxes_overlap(ax, ax.get_legend()) for ax in axes[1])


def test_the_stability_chart_has_the_numbers_of_the_report(drawn: list[Any]) -> None:
    stability_charts.stability("a.svg", REPORT)
    by_eps, by_k, by_features = drawn[0][0]
    noise, largest, used, knee = by_eps.get_lines()
    assert list(noise.get_ydata()) == [0.4, 0.1]
    assert list(largest.get_ydata()) == [0.5, 0.5]
    assert (used.get_xdata()[0], knee.get_xdata()[0]) == (1.6, 1.9)
    assert list(by_k.get_lines()[0].get_xdata()) == [2, 3, 4]
    assert by_k.get_lines()[0].get_ydata()[::2].tolist() == [0.5, 0.2]
    assert np.isnan(by_k.get_lines()[0].get_ydata()[1])
    assert [bar.get_height() for bar in by_features.patches] == [1.0, 0.3, 0.5, 0.15]
    assert [tick.get_text() for tick in by_features.get_xticklabels()] == ["trained", "pixels"]
    assert legend(by_features) == ["with the labels", "with the garments"]


def test_nothing_in_the_stability_chart_hides_anything(drawn: list[Any]) -> None:
    stability_charts.stability("a.svg", REPORT)
    by_eps, _, by_features = drawn[0][0]
    counts = by_eps.child_axes[0]
    assert [tick.get_text() for tick in counts.get_xticklabels()] == ["6", "3"]
    assert not any(boxes_overlap(by_eps, tick) for tick in counts.get_xticklabels())
    assert not boxes_overlap(by_eps, by_eps.get_legend())
    assert not boxes_overlap(by_features, by_features.get_legend())
    title, tallest = by_features.title, by_features.texts[0]
    assert tallest.get_text() == "1.00"
    assert not tallest.get_window_extent().overlaps(title.get_window_extent())


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_arrays_give_the_same_file(kind: str, tmp_path: Path) -> None:
    for copy in "ab":
        stability_charts.stability(str(tmp_path / f"{copy}.{kind}"), REPORT)
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
