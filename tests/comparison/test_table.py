import statistics
from typing import Any

import pytest
from scipy import stats

from src.table import markdown, row

BLOCK = {"optimizer": "sgd", "activation": "leaky_relu"}
IMAGES = {"train": 480, "val": 120, "test": 100}


def run(test_accuracy: float) -> dict[str, Any]:
    return {
        "train_accuracy": 0.99,
        "val_accuracy": 0.93,
        "test_accuracy": test_accuracy,
        "train_seconds": 61.4,
        "test_seconds": 0.5,
        "latency_1_p50": 0.004,
        "epochs": 2,
        "loss": "categorical_crossentropy",
        "parameters": 1234,
        "device": "CPU",
        "software": "keras 3",
        "history": {"val_loss": [0.5, 0.3, 0.4]},
    }


def test_a_row_has_the_first_run_and_the_spread_over_all() -> None:
    values = [0.9, 0.92, 0.91]
    found = row(BLOCK, [run(value) for value in values], 0.88, IMAGES, 0.95)
    assert (found["test_accuracy"], found["runs"], found["turned"]) == (0.9, 3, 2)
    assert (found["test_mean"], found["test_sd"]) == (0.91, pytest.approx(statistics.stdev(values)))
    assert (found["published_test_accuracy"], found["difference"], found["latency_1_p50"]) == (0.88, 0.02, 0.004)
    for split, right in (("train", 475), ("val", 112), ("test", 90)):
        interval = stats.binomtest(right, IMAGES[split]).proportion_ci(0.95, method="wilson")
        assert (found[f"{split}_low"], found[f"{split}_high"]) == pytest.approx(tuple(interval), abs=1e-6)


def test_a_single_run_that_was_not_published_has_neither_spread_nor_difference() -> None:
    found = row(BLOCK, [run(0.9)], None, IMAGES, 0.95)
    assert found["test_mean"] == 0.9
    assert (found["test_sd"], found["published_test_accuracy"], found["difference"]) == (None, None, None)


def test_the_columns_are_the_notebooks_and_more() -> None:
    notebook = ["train_accuracy", "val_accuracy", "test_accuracy", "train_seconds", "test_seconds", "epochs"]
    notebook += ["optimizer", "loss", "activation"]
    assert set(notebook) < set(row(BLOCK, [run(0.9)], None, IMAGES, 0.95))


def test_the_written_table_reads_as_the_numbers() -> None:
    several = row(BLOCK, [run(0.9), run(0.92)], 0.8896, IMAGES, 0.95) | {"not_told_apart": "one"}
    text = markdown({"mine": several, "one": row(BLOCK, [run(0.9)], None, IMAGES, 0.95) | {"not_told_apart": ""}}, 0.95)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2] == (
        "| mine | 99.00% | 93.00% | 90.00% (82.56 to 94.48) | 91.00% ± 1.41 (2) | one | 88.96% | +1.04 | 61 s | 0.50 s "
        "| 2 | sgd | categorical crossentropy | leaky_relu | 1,234 |"
    )
    assert lines[3].startswith("| one | 99.00% | 93.00% | 90.00% (82.56 to 94.48) |  |  |  |  | 61 s |")


def test_the_best_model_is_chosen_by_validation_not_by_test() -> None:
    rows = {name: row(BLOCK, [run(test)], None, IMAGES, 0.95) for name, test in (("a", 0.95), ("b", 0.9))}
    for name, val in (("a", 0.93), ("b", 0.94)):
        rows[name] |= {"val_accuracy": val, "not_told_apart": ""}
    assert "Best by validation accuracy: b." in markdown(rows, 0.95)
