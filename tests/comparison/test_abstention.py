import numpy as np
import pytest

from src.comparison.abstention import THRESHOLDS, abstention_rows
from src.comparison.statistics import wilson_interval
from tests.comparison.example import example_run

RUN = example_run("a", n={"train": 4, "val": 5, "test": 4}, errors={"train": 0, "val": 0, "test": 0})
SURE = np.array([0.95, 0.8, 0.6, 0.5])  # of the test images; the third answer is wrong
for row, (label, probability) in enumerate(zip((0, 1, 3, 3), SURE, strict=True)):
    RUN.probabilities["test"][row] = (1 - probability) / 4
    RUN.probabilities["test"][row, label] = probability


@pytest.mark.parametrize(
    ("percent", "n", "accuracy"), [(0, 4, 0.75), (50, 4, 0.75), (55, 3, 2 / 3), (61, 2, 1), (90, 1, 1), (96, 0, None)]
)
def test_answers_below_the_threshold_are_left_out(percent: int, n: int, accuracy: float | None) -> None:
    rows = abstention_rows({"a": [RUN]}, 0.9)
    (row,) = (row for row in rows if row["split"] == "test" and row["threshold"] == percent / 100)
    assert (row["model"], row["n"], row["coverage"]) == ("a", n, n / 4)
    if accuracy is None:
        assert (row["accuracy"], row["ci_low"], row["ci_high"]) == (None, 0, 1)
    else:
        assert row["accuracy"] == pytest.approx(accuracy, abs=1e-6)
        assert (row["ci_low"], row["ci_high"]) == wilson_interval(accuracy, n, 0.9)


def test_there_is_a_row_for_each_model_split_and_threshold_of_the_first_seed() -> None:
    worse = example_run("a", 28, n={"train": 4, "val": 5, "test": 4}, errors={"train": 0, "val": 5, "test": 4})
    rows = abstention_rows({"a": [RUN, worse], "b": [RUN]}, 0.95)
    assert len(rows) == 2 * 2 * len(THRESHOLDS)
    assert {row["split"] for row in rows} == {"val", "test"}
    assert rows[0] | {"ci_low": 0} == {
        **{
            "model": "a",
            "split": "val",
            "threshold": 0,
            "n": 5,
            "coverage": 1,
            "accuracy": 1,
            "ci_low": 0,
            "ci_high": 1,
        }
    }
