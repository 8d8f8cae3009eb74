from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.sweeping.charts import slices
from src.sweeping.records import Trial
from tests.sweeping.example import finished, make, row

CURRENT = {"learning_rate": 0.001, "batch_size": 16}
BEST = {"learning_rate": 0.004, "batch_size": 32}


def test_every_trial_is_a_dot_in_the_panels_of_its_model(
    tmp_path: Path, params: dict[str, Any], drawn: Callable[[], list[Any]]
) -> None:
    trials = [
        finished("trial-000", "tiny", CURRENT, {27: 0.8, 28: 0.8}),
        finished("trial-001", "tiny", BEST, {27: 0.9, 28: 0.9}),
        Trial("trial-002", "tiny", {**BEST, "learning_rate": 0.0002}, [27, 28], "pruned", [row(27, 1, 0.5)]),
        finished("trial-003", "other", {"learning_rate": 0.005}, {27: 0.7, 28: 0.7}),
        Trial("trial-004", "tiny", BEST, [27, 28]),  # which has not begun
    ]
    slices(str(tmp_path / "slices.svg"), make(params), trials, trials[1])
    rate, size, other = drawn()
    dots = {tuple(float(value[0]) for value in line.get_data()): line for line in rate.get_lines()}
    assert set(dots) == {(0.001, 0.8), (0.004, 0.9), (0.0002, 0.5)}
    assert dots[0.004, 0.9].get_marker() == "*"
    assert dots[0.001, 0.8].get_marker() == "D"
    assert dots[0.0002, 0.5].get_markerfacecolor() == "none"
    assert (rate.get_xscale(), other.get_xscale()) == ("log", "linear")
    assert [tick.get_text() for tick in size.get_xticklabels()] == ["16", "32"]
    assert [float(line.get_xdata()[0]) for line in size.get_lines()] == [0, 1, 1]
    assert [ax.get_xlabel() for ax in (rate, other)] == ["tiny: learning_rate", "other: learning_rate"]
    (figure,) = {ax.figure for ax in drawn()}
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 4
    assert "<title>Validation accuracy of the trials" in (tmp_path / "slices.svg").read_text(encoding="utf-8")
