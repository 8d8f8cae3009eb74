import statistics

import pytest
from scipy import stats

from src.comparison.calibration import reliability_bins
from src.comparison.model_rows import ModelRow, best_model, csv_row, model_rows
from src.comparison.published import Published
from src.comparison.runs import Run
from tests.comparison.example import example_run

PUBLISHED: Published = {"test_label_counts": {}, "models": {"a": {"test_accuracy": 0.88}}, "claims": {}}


def errors(val: int, test: int = 40) -> dict[str, int]:
    return {"train": 10, "val": val, "test": test}


def rows(runs: dict[str, list[Run]], published: Published | None = None) -> list[ModelRow]:
    bins = {
        name: reliability_bins(seeds[0].probabilities["test"], seeds[0].y["test"], 10) for name, seeds in runs.items()
    }
    return model_rows(runs, [], bins, dict.fromkeys(runs, published), n_bins=10, confidence=0.95)


def test_a_row_has_the_first_run_and_the_spread_over_all() -> None:
    (row,) = rows({"a": [example_run(seed=s, errors=errors(20, n)) for s, n in enumerate((40, 32, 36))]}, PUBLISHED)
    assert (row["test_accuracy"], row["replicas"], row["best_epoch"], row["epochs"]) == (0.9, 3, 2, 2)
    assert (row["test_mean"], row["test_std"]) == (0.91, pytest.approx(statistics.stdev([0.9, 0.92, 0.91]), abs=1e-6))
    assert (row["published_test_accuracy"], row["diff_vs_published"]) == (0.88, 0.02)
    assert 0.85 < float(row["test_mean_ci_low"] or 0) < 0.91 < float(row["test_mean_ci_high"] or 0) < 0.97
    for split, correct, n in (("val", 180, 200), ("test", 360, 400)):
        interval = stats.binomtest(correct, n).proportion_ci(0.95, method="wilson")
        assert (row[f"{split}_ci_low"], row[f"{split}_ci_high"]) == pytest.approx(tuple(interval), abs=1e-6)  # type: ignore[literal-required]


def test_a_single_run_that_was_not_published_has_neither_spread_nor_difference() -> None:
    (row,) = rows({"a": [example_run()]})
    assert row["test_mean"] == 0.9
    assert (row["test_std"], row["published_test_accuracy"], row["diff_vs_published"]) == (None, None, None)
    assert (row["test_mean_ci_low"], row["test_mean_ci_high"]) == (None, None)


def test_calibration_is_of_the_first_run() -> None:
    """All confidences are 0.92, the accuracy is 0.9."""
    (row,) = rows({"a": [example_run(), example_run(seed=28, errors=errors(20, 200))]})
    assert row["ece"] == pytest.approx(0.02, abs=1e-6)


def test_the_best_model_and_the_front_are_by_the_mean_over_seeds() -> None:
    lucky_first = [example_run("a", seed, errors=errors(n), train_seconds=90.0) for seed, n in enumerate((2, 60, 60))]
    steady = [example_run("b", seed, errors=errors(20), train_seconds=60.0) for seed in range(3)]
    found = rows({"a": lucky_first, "b": steady})
    assert best_model(found) == "b"
    assert [row["pareto_train_seconds"] for row in found] == [False, True]


def test_of_equal_models_the_smallest_is_best() -> None:
    large, small = ([example_run(model, n_params=n)] for model, n in (("a", 1000), ("b", 900)))
    assert best_model(rows({"a": large, "b": small})) == "b"
    assert best_model(rows({"b": small, "a": large})) == "b"


def test_test_images_choose_nothing() -> None:
    assert best_model(rows({"a": [example_run("a", errors=errors(30, 1))], "b": [example_run("b")]})) == "b"


def test_in_the_file_each_latency_has_a_column() -> None:
    (row,) = rows({"a": [example_run()]})
    written = csv_row(row, example_run())
    assert (written["latency_bs1_p50_s"], written["n_params"]) == (0.004, 1000)
    assert list(written)[:3] == ["model", "train_accuracy", "val_accuracy"]
