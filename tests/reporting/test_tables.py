from types import SimpleNamespace
from typing import Any

from src.reporting.formats import SPACE
from src.reporting.tables import Cell, build_details, latency_heading

ROW: dict[str, Any] = {
    "train_accuracy": 0.9,
    "test_mean_ci_low": None,
    "test_mean_ci_high": None,
    "test_seconds": 1.5,
    "epochs": 3,
    "best_epoch": 2,
    "optimizer": "adam",
    "loss": "categorical_crossentropy",
    "activation": "relu",
    "ece": 0.01,
    "ece_floor": 0.005,
    "brier": 0.1,
    "precision": "float32",
    "device": "CPU",
    "timed_on": "CPU",
    "software": "keras 3",
    "published_test_accuracy": None,
    "diff_vs_published": None,
}


def details(published: bool = True, **models: dict[str, Any]) -> Any:
    rows: Any = {model: ROW | changes for model, changes in models.items()}
    runs: Any = {model: [SimpleNamespace(latency={"bs1_first": 0.2})] for model in models}
    return build_details(rows, runs, published=published)


def test_only_models_with_seeds_have_an_interval_over_them() -> None:
    table = details(one={}, five={"test_mean_ci_low": 0.915, "test_mean_ci_high": 0.9275})
    assert table.headings == ["Interval of the mean test accuracy, over seeds and images"]
    assert table.cells == {"one": [Cell("")], "five": [Cell("91.50 to 92.75%", 0.915)]}


def test_what_is_the_same_for_all_models_is_said_once_and_what_nobody_has_is_left_out() -> None:
    table = details(a={}, b={"optimizer": "sgd"})
    assert table.headings == ["Optimizer"]
    assert table.cells == {"a": [Cell("adam")], "b": [Cell("sgd")]}
    assert table.same["Loss"] == "categorical crossentropy"
    assert table.same["Batch of 1, first call"] == f"0.20{SPACE}s"
    assert "Published" not in table.same


def test_a_published_number_of_one_model_makes_a_column_with_empty_cells() -> None:
    table = details(a={}, b={"published_test_accuracy": 0.8, "diff_vs_published": -0.01})
    assert table.headings == ["Published", "Difference, points"]
    assert table.numeric == [True, True]
    assert table.cells == {"a": [Cell(""), Cell("")], "b": [Cell("80.00%", 0.8), Cell("-1.00", -0.01)]}


def test_published_numbers_can_be_left_out() -> None:
    assert details(published=False, a={}, b={"published_test_accuracy": 0.8}).headings == []


def test_latencies_have_headings_for_people() -> None:
    assert latency_heading("bs500_p50") == "Batch of 500, median"
    assert latency_heading("bs1_p95") == "Batch of 1, 95th percentile"
