from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.pipeline.figure import figure
from src.reporting.before import Epoch
from src.reporting.change_charts import changed_curves
from src.reporting.charts import embed_svg
from tests.comparison.example import example_run


def test_a_chart_is_an_image_with_its_title_as_name() -> None:
    text = '<?xml version="1.0"?>\n<svg width="9">\n <title>Loss by epoch</title>\n <metadata>x</metadata><g/></svg>'
    assert embed_svg(text, "loss") == '<svg role="img" aria-label="Loss by epoch" width="9"><g/></svg>'


def test_a_chart_without_a_title_is_called_by_its_file() -> None:
    assert 'aria-label="learning curves"' in embed_svg("<svg/>", "learning_curves")


def test_ids_of_two_charts_differ_and_lines_still_refer_to_them() -> None:
    text = '<svg><path id="m1"/><g id="curve-a-1-validation-loss" clip-path="url(#c1)"><use href="#m1"/></g></svg>'
    element = embed_svg(text, "x")
    for part in ('id="x-m1"', "url(#x-c1)", 'href="#x-m1"', '<g id="curve-a-1-validation-loss"'):
        assert part in element


def test_a_drawn_chart_keeps_its_text(tmp_path: Path) -> None:
    with figure(str(tmp_path / "a.svg"), 1, 1, (3, 3), title="Costs") as axes:
        axes[0, 0].set(xlabel="seconds & more")
    element = embed_svg((tmp_path / "a.svg").read_text(encoding="utf-8"), "costs")
    assert element.startswith('<svg role="img" aria-label="Costs"')
    assert ">seconds &amp; more<" in element


def test_changed_curves_are_drawn_over_what_they_were(tmp_path: Path, drawn: Callable[[], list[Any]]) -> None:
    def epochs(seed: int, *values: float) -> list[Epoch]:
        return [
            {"seed": seed, "epoch": epoch, "val_loss": 1.0, "val_accuracy": value}
            for epoch, value in enumerate(values, 1)
        ]

    runs = {name: [example_run(name, 1, val_accuracy=(0.7, 0.9), val_loss=(2, 1))] for name in "abcde"}
    before = {name: epochs(1, 0.5, 0.6) + epochs(2, 0.4) for name in "abcde"}
    changed_curves(str(tmp_path / "a.svg"), before, runs)
    axes = drawn()
    assert [ax.get_title() for ax in axes[:5]] == list("abcde")
    assert not any(ax.axison for ax in axes[5:])
    lines = [(line.get_xdata(), line.get_ydata(), line.get_linestyle()) for line in axes[0].get_lines()]
    assert [(list(x), list(y), style) for x, y, style in lines] == [
        ([1, 2], [0.5, 0.6], "--"),
        ([1], [0.4], "--"),
        ([1.0, 2.0], [0.7, 0.9], "-"),
    ]
