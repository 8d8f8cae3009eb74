"""Evaluate one trained model: `python -m src.evaluate NAME`. Accuracies, time to predict, where it errs."""

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from src import backend, plots, tracking
from src.stage import model_block, run, write_json, writing


def accuracy(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Share of rows whose largest probability is at the label: (n, classes), (n,) -> in [0, 1]."""
    return float((probabilities.argmax(axis=1) == y).mean())


def evaluate(probabilities: np.ndarray, y: np.ndarray, labels: list[str]) -> dict[str, Any]:
    """Per-class precision and recall, and the confusion matrix: (n, classes) probabilities, (n,) labels 0..classes-1.

    confusion[i][j] counts the images of label i taken for label j. Precision is 0 for a label never predicted.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    predicted, every = probabilities.argmax(axis=1), np.arange(len(labels))
    precision, recall, _, images = precision_recall_fscore_support(y, predicted, labels=every, zero_division=0)
    return {
        "per_class": {
            label: {"precision": float(precision[i]), "recall": float(recall[i]), "images": int(images[i])}
            for i, label in enumerate(labels)
        },
        "confusion": confusion_matrix(y, predicted, labels=every).tolist(),
    }


def main(params: dict[str, Any], name: str) -> None:
    """models/NAME.keras and the splits -> its predictions, report and pictures; its MLflow run gets the numbers."""
    batch_size = model_block(params, name)["batch_size"]
    labels = json.loads(Path("metrics/prepare.json").read_text())["labels"]
    run_id = json.loads(Path(f"models/train/{name}.json").read_text())["run_id"]
    with Path(f"metrics/history/{name}.csv").open() as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    with tracking.resumed_run(name, run_id) as tracked:
        device = backend.start(seed=params["seed"], device=params["device"])
        import keras

        predict = backend.predictor(keras.models.load_model(f"models/{name}.keras"), batch_size=batch_size)
        sets = {split: np.load(f"data/{split}.npz") for split in ("train", "val", "test")}
        y = {split: arrays["y"] for split, arrays in sets.items()}
        probabilities = {split: predict(arrays["x"]) for split, arrays in sets.items()}
        x_test = sets["test"]["x"]
        start = time.perf_counter()
        predict(x_test)
        test_seconds = round(time.perf_counter() - start, 3)
        report: dict[str, Any] = {f"{split}_accuracy": accuracy(probabilities[split], y[split]) for split in sets}
        report |= {"test_seconds": test_seconds, "device": device}
        tracked.metrics(report, step=len(history))  # of a metric's values MLflow shows the one of the last step
        detail = evaluate(probabilities["test"], y["test"], labels)
        for measure in ("precision", "recall"):
            tracked.metrics({f"{measure}_{label}": row[measure] for label, row in detail["per_class"].items()})
        with writing(f"data/predictions/{name}.npz") as file:
            np.savez(file, val=probabilities["val"], test=probabilities["test"])
        plots.learning_curves(f"metrics/curves/{name}.png", name, history)
        plots.confusion(f"metrics/confusion/{name}.png", name, np.array(detail["confusion"]), labels)
        write_json(f"models/evaluate/{name}.json", report | detail)


if __name__ == "__main__":
    run(main)
