import json
from pathlib import Path
from typing import Any

from src.compare import compare, learning_curves, markdown

ROOT = Path(__file__).parents[1]
PUBLISHED = json.loads((ROOT / "data/published.json").read_text())
MODELS = {"cm1": {"optimizer": "adam", "activation": "relu"}, "mine": {"optimizer": "sgd", "activation": "leaky_relu"}}
TRAINED = {
    name: {
        "train_seconds": seconds,
        "epochs": 2,
        "loss": "categorical_crossentropy",
        "parameters": 1234,
        "device": "CPU",
    }
    for name, seconds in (("cm1", 61.4), ("mine", 9.6))
}
EVALUATED = {
    name: {"train_accuracy": 0.99, "val_accuracy": val, "test_accuracy": test, "test_seconds": 0.5}
    for name, val, test in (("cm1", 0.93, 0.95), ("mine", 0.94, 0.90))
}


def table(published: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return compare(MODELS, TRAINED, EVALUATED, published)


def test_the_difference_is_ours_less_the_published() -> None:
    row = table({"cm1": {"test_accuracy": 0.9396}})["cm1"]
    assert (row["test_accuracy"], row["published_test_accuracy"], row["difference"]) == (0.95, 0.9396, 0.0104)


def test_a_model_that_was_not_published_has_no_difference() -> None:
    row = table(PUBLISHED["models"])["mine"]
    assert row["published_test_accuracy"] is None
    assert row["difference"] is None


def test_the_columns_are_the_notebooks_and_more() -> None:
    assert table({})["mine"] == {
        "train_accuracy": 0.99,
        "val_accuracy": 0.94,
        "test_accuracy": 0.90,
        "train_seconds": 9.6,
        "test_seconds": 0.5,
        "epochs": 2,
        "optimizer": "sgd",
        "loss": "categorical_crossentropy",
        "activation": "leaky_relu",
        "parameters": 1234,
        "device": "CPU",
        "published_test_accuracy": None,
        "difference": None,
    }


def test_reports_of_models_that_are_gone_are_left_out() -> None:
    kept = compare({"mine": MODELS["mine"]}, TRAINED, EVALUATED, {})
    assert list(kept) == ["mine"]


def test_the_written_table_reads_as_the_numbers() -> None:
    text = markdown(table({"cm1": {"test_accuracy": 0.9396}}))
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert rows[1][:8] == ["| cm1", "99.00%", "93.00%", "95.00%", "93.96%", "+1.04", "61 s", "0.50 s"]
    assert rows[2][4:6] == ["", ""]
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_best_model_is_chosen_by_validation_not_by_test() -> None:
    assert "Best by validation accuracy: mine." in markdown(table({}))


def test_learning_curves_have_a_row_per_model_epoch_and_split() -> None:
    history = "seed,epoch,loss,accuracy,val_loss,val_accuracy\n27,1,0.5,0.8,0.6,0.7\n"
    assert learning_curves({"cm1": history}) == [
        {"model": "cm1", "seed": "27", "epoch": "1", "split": "training", "loss": "0.5", "accuracy": "0.8"},
        {"model": "cm1", "seed": "27", "epoch": "1", "split": "validation", "loss": "0.6", "accuracy": "0.7"},
    ]


def test_published_values_are_the_notebooks() -> None:
    accuracies = {name: model["test_accuracy"] for name, model in PUBLISHED["models"].items()}
    assert accuracies == {
        "cm1": 0.9396,
        "cnn1": 0.9382,
        "cnn2": 0.9242,
        "cnn3": 0.7521,
        "cnn4": 0.9296,
        "cnn_vgg": 0.8804,
        "cnn_lstm": 0.8513,
    }
    assert sum(PUBLISHED["test_label_counts"].values()) == 10_000
