from dataclasses import replace

import numpy as np

from src.comparison.long_tables import confusion_rows, curve_rows, mistake_rows, per_class, run_rows
from src.comparison.runs import Run
from tests.comparison.example import example_run

LABELS = ["zero", "one"]


def toy() -> dict[str, list[Run]]:
    """One run with two labels on five test images, of which the first, the third and the fourth are wrong."""
    probabilities = np.array([[0.2, 0.8], [0.9, 0.1], [0.7, 0.3], [0.05, 0.95], [0.4, 0.6]])
    y = np.array([0, 0, 1, 0, 1])
    return {"a": [replace(example_run(), probabilities={"test": probabilities}, y={"test": y})]}


def test_the_surest_mistakes_come_first_and_right_answers_never() -> None:
    assert mistake_rows(toy()["a"][0], 2, LABELS, [f"test {row}" for row in range(5)]) == [
        {"model": "a", "test_index": 3, "image": "test 3", "label": "zero", "predicted": "one", "confidence": 0.95},
        {"model": "a", "test_index": 0, "image": "test 0", "label": "zero", "predicted": "one", "confidence": 0.8},
    ]


def test_confusion_and_scores_by_hand() -> None:
    assert [(row["true"], row["predicted"], row["count"]) for row in confusion_rows(toy(), LABELS)] == [
        ("zero", "zero", 1),
        ("zero", "one", 2),
        ("one", "zero", 1),
        ("one", "one", 1),
    ]
    zero, one = per_class(toy(), LABELS)
    assert zero == {"model": "a", "label": "zero", "precision": 0.5, "recall": 0.333333, "f1": 0.4, "support": 3}
    assert (one["precision"], one["recall"], one["support"]) == (0.333333, 0.5, 2)


def test_every_run_has_a_row() -> None:
    runs = {"a": [example_run(seed=seed) for seed in (27, 28)], "b": [example_run("b", train_seconds=5.0, n_resumed=2)]}
    assert [(row["model"], row["seed"], row["train_seconds"], row["n_resumed"]) for row in run_rows(runs)] == [
        ("a", 27, 60.0, 0),
        ("a", 28, 60.0, 0),
        ("b", 27, 5.0, 2),
    ]
    assert run_rows(runs)[0]["val_accuracy"] == 0.9


def test_learning_curves_have_a_row_per_model_seed_split_and_epoch() -> None:
    found = curve_rows({"a": [example_run(val_loss=[0.6, 0.5], val_accuracy=[0.7, 0.8])]})
    assert [(row["split"], row["epoch"]) for row in found] == [
        ("training", 1),
        ("training", 2),
        ("validation", 1),
        ("validation", 2),
    ]
    assert found[3] == {"model": "a", "seed": 27, "epoch": 2, "split": "validation", "loss": 0.5, "accuracy": 0.8}
