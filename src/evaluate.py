"""Evaluate one trained model: `python -m src.evaluate NAME`. Accuracies, time to predict, where it errs."""

import csv
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from src import backend, plots, tracking
from src.splits import SPLITS
from src.stage import Count, model_block, run, write_json, writing

Predict = Callable[[np.ndarray], np.ndarray]


def accuracy(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Share of rows whose largest probability is at the label: (n, classes), (n,) -> in [0, 1]."""
    return float((probabilities.argmax(axis=1) == y).mean())


def evaluate(
    predictor: Callable[..., Predict],
    batch_size: int,
    sets: dict[str, dict[str, np.ndarray]],
    *,
    latency_batches: list[Count],
    latency_repeats: Count,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """A model's probabilities for each split, (n, classes) float32, and its accuracies and times in seconds.

    `predictor` gives, for a `batch_size`, a function from (n, side, side) uint8 images to probabilities. `test_seconds`
    is the time of predicting the test set once more after a first pass; `latency_*` that of a single batch of a size.
    """
    x = sets["test"]["x"]
    numbers: dict[str, float] = {}
    for size in latency_batches:  # first of all, so that nothing is compiled yet
        batch = np.resize(x, (size, *x.shape[1:]))
        found = latency(predictor(batch_size=size), batch, latency_repeats)
        numbers |= {f"latency_{size}_{key}": value for key, value in found.items()}
    predict = predictor(batch_size=batch_size)
    probabilities = {split: predict(arrays["x"]) for split, arrays in sets.items()}
    start = time.perf_counter()
    predict(x)
    seconds = round(time.perf_counter() - start, 3)
    accuracies = {f"{split}_accuracy": accuracy(probabilities[split], sets[split]["y"]) for split in sets}
    return probabilities, accuracies | {"test_seconds": seconds} | numbers


def latency(predict: Predict, x: np.ndarray, repeats: int) -> dict[str, float]:
    """Seconds from images to their probabilities: of the first call, which compiles, and percentiles of the next."""
    seconds = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        predict(x)
        seconds.append(time.perf_counter() - start)
    first, *later = seconds
    p50, p95 = np.percentile(later, (50, 95))
    return {"first": round(first, 6), "p50": round(float(p50), 6), "p95": round(float(p95), 6)}


def scores(probabilities: np.ndarray, y: np.ndarray, labels: list[str]) -> dict[str, Any]:
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
    """models/NAME/SEED.keras and the splits -> predictions, report and pictures; each MLflow run gets its numbers.

    data/predictions/NAME.npz has each split's, (replicas, n, classes) float32. The pictures are of the first replica.
    """
    batch_size = model_block(params, name)["batch_size"]
    labels = json.loads(Path("metrics/prepare.json").read_text())["labels"]
    trained = json.loads(Path(f"models/train/{name}.json").read_text())
    device = backend.start(seed=params["seed"], device=params["device"])
    import keras

    sets: dict[str, dict[str, np.ndarray]] = {split: dict(np.load(f"data/{split}.npz")) for split in SPLITS}
    predictions, replicas = [], []
    for training in trained["replicas"]:
        with tracking.resumed_run(name, training["run_id"]) as tracked:
            model = keras.models.load_model(f"models/{name}/{training['seed']}.keras")
            predictor = partial(backend.predictor, model)
            probabilities, numbers = evaluate(predictor, batch_size, sets, **params["evaluate"])
            detail = scores(probabilities["test"], sets["test"]["y"], labels)
            tracked.metrics(numbers, step=trained["epochs"])  # of a metric's values MLflow shows that of the last step
            for measure in ("precision", "recall"):
                tracked.metrics({f"{measure}_{label}": row[measure] for label, row in detail["per_class"].items()})
        predictions.append(probabilities)
        replicas.append({"seed": training["seed"]} | numbers | detail)
    with writing(f"data/predictions/{name}.npz") as file:
        np.savez(file, allow_pickle=False, **{split: np.stack([each[split] for each in predictions]) for split in sets})
    with Path(f"metrics/history/{name}.csv").open() as lines:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]
    plots.learning_curves(f"metrics/curves/{name}.png", name, history[: trained["epochs"]])
    plots.confusions(f"metrics/confusion/{name}.png", {name: np.array(replicas[0]["confusion"])}, labels)
    write_json(f"models/evaluate/{name}.json", {"device": device, "replicas": replicas})


if __name__ == "__main__":
    run(main)
