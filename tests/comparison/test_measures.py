import numpy as np
import pytest
from scipy import stats

from src.comparison.measures import (
    MEASURES,
    epoch_seconds,
    first_epoch,
    generalization_gap,
    n_params,
    of_notebook,
    of_run,
    val_accuracy,
    val_loss_slope,
)
from tests.comparison.example import example_run

SHORT = of_run(example_run(val_accuracy=[0.6, 0.8], val_loss=[0.9, 0.5], train_seconds=6.0))
LONG = of_run(
    example_run(
        val_accuracy=[0.3, 0.5, 0.7, 0.9],
        val_loss=[0.8, 0.4, 0.6, 0.8],
        errors={"train": 100, "val": 20, "test": 40},
        train_seconds=16.0,
        n_params=1200,
    )
)


def test_the_measures_by_hand() -> None:
    assert val_accuracy(SHORT, LONG).value == pytest.approx(0.8 - 0.5)
    assert first_epoch(SHORT, LONG).value == pytest.approx(0.6 - 0.9)
    assert generalization_gap(SHORT, LONG).value == pytest.approx((0.975 - 0.9) - (0.75 - 0.9))
    assert val_loss_slope(LONG).value == pytest.approx(0.02)
    assert (n_params(SHORT, LONG).value, epoch_seconds(SHORT, LONG).value) == (-200, 3 - 4)


def test_the_error_of_one_run_is_that_of_the_paired_images() -> None:
    other = of_run(example_run(val_accuracy=[0.6, 0.85], errors={"train": 10, "val": 30, "test": 40}, seed=28))
    assert SHORT.correct is not None and other.correct is not None
    expected = stats.sem(SHORT.correct.astype(int) - other.correct)
    assert val_accuracy(SHORT, other).std_error == pytest.approx(expected)
    assert val_accuracy(SHORT, LONG).std_error is None  # predictions are those after the last epoch


def test_a_count_has_no_error() -> None:
    assert n_params(LONG, SHORT).interval(0.95) == (200, 200)


def test_a_training_of_the_notebook_is_measured_in_the_same_way() -> None:
    rows = [
        {"epoch": e, "loss": 1.0, "accuracy": 0.5, "val_loss": 1.0 - 0.1 * e, "val_accuracy": 0.8} for e in range(5)
    ]
    notebook = of_notebook({"history": rows})
    assert val_loss_slope(notebook).value == pytest.approx(-0.1)
    assert np.isnan(generalization_gap(notebook, SHORT).value)


def test_every_measure_says_what_it_is() -> None:
    assert all(measure.function.__doc__ for measure in MEASURES.values())
