import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src import plots

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(30, 2))
PICTURES: dict[str, tuple[Any, ...]] = {
    "class_counts": ({"train": {"0": 3, "1": 5}, "test": {"0": 1, "1": 1}},),
    "learning_curves": (
        "toy",
        [
            {"epoch": e, "loss": 1 / e, "accuracy": 1 - 1 / e, "val_loss": 2 / e, "val_accuracy": 0.5}
            for e in (1.0, 2.0)
        ],
    ),
    "curves": (
        {
            ("toy", seed, split): {"epoch": [1, 2], "accuracy": [0.5, 0.6], "loss": [1.0, 0.5]}
            for seed in (27, 28)
            for split in ("training", "validation")
        },
    ),
    "confusions": ({name: np.array([[3, 0], [1, 0]]) for name in "abcde"}, ["0", "1"]),
    "reliability": ({"toy": [{"low": 0.5, "high": 1.0, "confidence": 0.8, "accuracy": 0.7}]}, {"toy": 0.1}),
    "pareto": (
        {
            name: {"seconds": seconds, "front_seconds": front, "val_accuracy": 0.9, "val_low": 0.88, "val_high": 0.91}
            for name, seconds, front in (("a", 10, True), ("b", 100, False))
        },
        {"seconds": "training time, s"},
    ),
    "tables": ({("garment", "label"): (["Bag", "Coat", "Dress"], np.array([[3, 0], [0, 4], [0, 0]]))},),
    "k_distances": (np.arange(30.0), 59, 1.6),
    "clusters": ({"PCA": POINTS, "t-SNE": POINTS}, {"labels": np.arange(30) % 12, "DBSCAN": np.arange(30) % 3 - 1}),
    "stability": (
        {
            "eps": {
                "given": 1.6,
                "knee": None,
                "band": [{"eps": eps, "clusters": 3, "noise_share": 0.1, "largest_share": 0.5} for eps in (1, 2)],
            },
            "k": [{"k": k, "silhouette": 1 / k} for k in (2, 3)],
            "features": {name: {"labels": {"ami": 0.5}} for name in ("trained", "pixels")},
        },
    ),
    "images": ([[(np.zeros((8, 8), np.uint8), "0: Bag")] * 3, [(np.zeros((8, 8), np.uint8), "1: Coat")]],),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("kind", "starts"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_same_arrays_give_the_same_file(name: str, kind: str, starts: bytes, tmp_path: Path) -> None:
    for copy in ("a", "b"):
        getattr(plots, name)(str(tmp_path / f"{copy}.{kind}"), *PICTURES[name])
    first = (tmp_path / f"a.{kind}").read_bytes()
    assert first.startswith(starts)
    assert first == (tmp_path / f"b.{kind}").read_bytes()


def test_each_curve_of_an_svg_has_an_id(tmp_path: Path) -> None:
    plots.curves(str(tmp_path / "a.svg"), *PICTURES["curves"])
    ids = re.findall(r'id="(curve-[^"]+)"', (tmp_path / "a.svg").read_text())
    expected = [f"curve-toy-{seed}-{split}-" for seed in (27, 28) for split in ("training", "validation")]
    assert sorted(ids) == sorted(f"{start}{measure}" for start in expected for measure in ("accuracy", "loss"))


def test_every_picture_is_tried_here() -> None:
    public = {name for name, thing in vars(plots).items() if getattr(thing, "__module__", "") == plots.__name__}
    assert {name for name in public if not name.startswith("_")} == set(PICTURES) | {"figure", "colors"}


def test_an_error_while_drawing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), plots.figure(str(tmp_path / "a.png"), 1, 1, (2, 2)):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_bar_is_paired_with_its_own_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook paired sorted counts with unsorted labels."""
    from matplotlib.axes import Axes

    drawn: list[tuple[list[str], list[int]]] = []
    bar = Axes.bar

    def recording_bar(ax: Axes, x: list[str], height: list[int], **style: Any) -> Any:
        drawn.append((x, height))
        return bar(ax, x, height, **style)

    monkeypatch.setattr(Axes, "bar", recording_bar)
    plots.class_counts(str(tmp_path / "a.png"), {"test": {"2": 7, "0": 9}})
    assert drawn == [(["2", "0"], [7, 9])]
