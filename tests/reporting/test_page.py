"""What the page's template gets; the page itself is looked at in tests/test_report.py."""

from src.reporting.page import curve_values, term_id
from tests.comparison.example import example_run


def test_a_term_has_an_id_that_an_address_can_hold() -> None:
    assert term_id("95 % interval (Wilson)") == "term-95---interval--wilson-"


def test_a_line_of_the_chart_has_its_values_by_epoch() -> None:
    values = curve_values([example_run("a", val_loss=[0.80004, 0.75], val_accuracy=[0.5, 0.7]), example_run("b")])
    assert values["curve-a-27-validation-loss"] == [0.8, 0.75]
    assert values["curve-a-27-training-accuracy"] == [0.49, 0.686]
    assert values["curve-b-27-validation-accuracy"] == [0.8, 0.9]
    assert len(values) == 8
