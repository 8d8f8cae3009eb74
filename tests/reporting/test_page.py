"""What the page's template gets; the page itself is looked at in tests/test_report.py."""

from src.reporting.page import curve_values, last_epochs, nest_confusion, term_id
from src.reporting.records import ConfusionCell, CurvePoint

POINTS = [
    CurvePoint("a", 27, 1, "training", 0.9, 0.5),
    CurvePoint("a", 27, 1, "validation", 0.80004, 0.6),
    CurvePoint("a", 27, 2, "training", 0.7, 0.7),
    CurvePoint("a", 27, 2, "validation", 0.75, 0.65),
    CurvePoint("b", 27, 1, "validation", 0.4, 0.9),
]


def test_a_term_has_an_id_that_an_address_can_hold() -> None:
    assert term_id("95 % interval (Wilson)") == "term-95---interval--wilson-"


def test_cells_are_nested_by_model_true_and_predicted_label() -> None:
    cells = [ConfusionCell("a", "0", "0", 5), ConfusionCell("a", "0", "1", 2), ConfusionCell("b", "1", "0", 3)]
    assert nest_confusion(cells) == {"a": {"0": {"0": 5, "1": 2}}, "b": {"1": {"0": 3}}}


def test_a_line_of_the_chart_has_its_values_by_epoch() -> None:
    values = curve_values(POINTS)
    assert values["curve-a-27-validation-loss"] == [0.8, 0.75]
    assert values["curve-a-27-training-accuracy"] == [0.5, 0.7]
    assert values["curve-b-27-validation-accuracy"] == [0.9]
    assert len(values) == 6


def test_the_last_epoch_of_each_training_is_taken() -> None:
    rows = last_epochs(POINTS)
    assert rows["a", 27]["validation"].accuracy == 0.65
    assert rows["a", 27]["training"].epoch == 2
    assert set(rows["b", 27]) == {"validation"}
