import re
from pathlib import Path

import numpy as np
import pytest

from src.comparison import charts
from src.comparison.calibration import Bin
from src.comparison.cost_charts import lower_edge, pareto
from tests.comparison.example import example_run
from tests.comparison.test_model_rows import rows

RUNS = {
    "small": [example_run("small", seed, train_seconds=20.0) for seed in (27, 28)],
    "large": [example_run("large", errors={"train": 1, "val": 16, "test": 40}, n_params=9000)],
}
COUNTS = {"small": np.array([[90, 10], [0, 50]]), "large": np.array([[99, 1], [7, 43]])}
BINS: dict[str, list[Bin]] = {
    "small": [
        {"bin_low": 0.4, "bin_high": 0.6, "count": 9, "confidence": 0.55, "accuracy": 1.0},
        {"bin_low": 0.6, "bin_high": 0.8, "count": 100, "confidence": 0.7, "accuracy": 0.65},
        {"bin_low": 0.8, "bin_high": 1.0, "count": 400, "confidence": 0.9, "accuracy": 0.95},
    ],
    "large": [],
}


def svg(path: Path) -> tuple[str, list[str]]:
    """An SVG file and the texts in it."""
    content = path.read_text(encoding="utf-8")
    return content, re.findall(r"<text[^>]*>([^<]*)</text>", content)


def draw(path: Path, name: str) -> None:
    """One of the charts."""
    if name == "learning_curves":
        charts.learning_curves(str(path), RUNS)
    elif name == "confusion":
        charts.confusion(str(path), COUNTS, ["zero", "one"])
    elif name == "reliability":
        charts.reliability(str(path), BINS, rows(RUNS))
    else:
        pareto(str(path), RUNS, rows(RUNS))


@pytest.mark.parametrize("name", ["learning_curves", "confusion", "reliability", "pareto"])
def test_the_same_arrays_give_the_same_file_with_a_title(name: str, tmp_path: Path) -> None:
    for copy in ("a.svg", "b.svg"):
        draw(tmp_path / copy, name)
    content, _ = svg(tmp_path / "a.svg")
    assert content == svg(tmp_path / "b.svg")[0]
    assert "<title>" in content


def test_each_curve_has_an_id_and_the_legend_names_the_models(tmp_path: Path) -> None:
    draw(tmp_path / "a.svg", "learning_curves")
    content, texts = svg(tmp_path / "a.svg")
    expected = [
        f"curve-{model}-{seed}-{split}-{measure}"
        for model, seed in (("small", 27), ("small", 28), ("large", 27))
        for split in ("training", "validation")
        for measure in ("accuracy", "loss")
    ]
    assert sorted(re.findall(r'id="(curve-[^"]+)"', content)) == sorted(expected)
    assert {"small", "large", "training", "validation", "other seeds", "epoch (log scale)"} <= set(texts)


def test_after_one_epoch_the_models_stand_side_by_side(tmp_path: Path) -> None:
    runs = {name: [example_run(name, val_loss=[0.5], val_accuracy=[0.8])] for name in ("first", "second")}
    charts.learning_curves(str(tmp_path / "a.svg"), runs)
    _, texts = svg(tmp_path / "a.svg")
    assert texts.count("first") == 3  # on both axes and in the legend
    assert "epoch (log scale)" not in texts


def test_true_labels_are_the_rows_of_a_confusion_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    written: list[tuple[float, float, str]] = []
    text = Axes.text

    def recording(ax: Axes, x: float, y: float, s: str, **style: object) -> object:
        written.append((x, y, s))
        return text(ax, x, y, s, **style)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "text", recording)
    draw(tmp_path / "a.svg", "confusion")
    assert (1, 0, "10") in written  # true 0, predicted 1: column 1 of row 0
    assert {"predicted label", "true label", "zero", "one"} <= set(svg(tmp_path / "a.svg")[1])


def test_bins_of_few_images_are_left_out_and_fuller_ones_are_darker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    bars: list[tuple[float, float, float]] = []
    bar = Axes.bar

    def recording(ax: Axes, x: float, height: float, width: float, **style: float) -> object:
        bars.append((x, height, style["alpha"]))
        return bar(ax, x, height, width, **style)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "bar", recording)
    draw(tmp_path / "a.svg", "reliability")
    assert [(x, height) for x, height, _ in bars] == [(0.6, 0.65), (0.8, 0.95)]
    assert bars[0][2] < bars[1][2]


def test_the_dots_of_the_pareto_chart_are_named(tmp_path: Path) -> None:
    draw(tmp_path / "a.svg", "pareto")
    content, texts = svg(tmp_path / "a.svg")
    assert texts.count("small") == texts.count("large") == 2
    assert "legend" not in content


def test_a_model_far_below_the_others_does_not_stretch_the_axis(tmp_path: Path) -> None:
    assert 0.75 < lower_edge([0.94, 0.93, 0.92, 0.74]) < 0.92
    assert lower_edge([0.94, 0.93, 0.92]) < 0.92
    runs = {
        name: [example_run(name, errors={"train": 1, "val": n, "test": 40})]
        for name, n in (("a", 10), ("b", 12), ("c", 14), ("poor", 100))
    }
    pareto(str(tmp_path / "a.svg"), runs, rows(runs))
    assert "poor 50.0%" in svg(tmp_path / "a.svg")[1]
