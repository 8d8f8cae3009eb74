"""Compare the models on their saved predictions: what differs, how surely, and what of the notebook's words holds."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from src.comparison import claims
from src.comparison import statistics as evidence
from src.images.splits import SPLITS
from src.pipeline.files import atomic_write, write_csv, write_json
from src.pipeline.schema import Count, Fraction, Positive

pass
from src.comparison.table import COSTS, markdown, row

Several = Annotated[int, Field(ge=2)]  # one seed has no spread


def compare(
    models: Mapping[str, Mapping[str, Any]],
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    published: Mapping[str, Mapping[str, Any]],
    probabilities: Mapping[str, np.ndarray],
    y: np.ndarray,
    images: Mapping[str, int],
    *,
    confidence: Fraction,
    min_seeds: Several,
    n_bins: Count,
    margin: Positive,
    n_mistakes: Count,
) -> dict[str, Any]:
    """The models' table, the tests of all pairs, the reliability diagrams, the surest mistakes and the checked claims.

    runs: {model: what `join` returns}; probabilities: {model: (replicas, n, classes)} of the n test images of labels y;
    images: how many each split has. Without published values, as for other data, no claim is checked.
    Returns {"table": {model: row}, "pairs", "mistakes": rows, "diagrams": {model: rows}, "claims": {name: claim}}.
    """
    right = {name: probabilities[name].argmax(axis=2) == y for name in models}
    tested = evidence.pairs(right, confidence=confidence, min_seeds=min_seeds)
    diagrams = {name: evidence.calibration(probabilities[name][0], y, bins) for name in models}
    table = {
        name: row(block, runs[name], published.get(name, {}).get("test_accuracy"), images, confidence)
        | {"not_told_apart": " ".join(evidence.not_told_apart(tested, name, confidence))}
        | {"ece": evidence.ece(diagrams[name]), "brier": evidence.brier(probabilities[name][0], y)}
        for name, block in models.items()
    }
    for cost in COSTS:
        points = ([of[column] for of in table.values()] for column in (cost, "val_accuracy"))
        for of, ahead in zip(table.values(), evidence.front(*points), strict=True):
            of[f"front_{cost}"] = ahead
    checked = claims.check(runs, confidence=confidence, min_seeds=min_seeds, margin=margin) if published else {}
    return {
        "table": table,
        "pairs": tested,
        "diagrams": diagrams,
        "mistakes": [row for name in models for row in surest_mistakes(name, probabilities[name][0], y, mistakes)],
        "claims": checked,
    }


def surest_mistakes(model: str, probabilities: np.ndarray, y: np.ndarray, listed: int) -> list[dict[str, Any]]:
    """The wrong predictions that a model gives the highest probabilities: (n, classes), (n,) labels -> rows.

    label and predicted are numbers of labels, 0..classes-1; row is that of the image in data/test.npz.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != y)
    first = wrong[confidence[wrong].argsort(kind="stable")[::-1][:listed]]
    return [
        {"model": model, "row": row, "label": int(y[row]), "predicted": int(predicted[row])}
        | {"confidence": round(float(confidence[row]), evidence.DIGITS)}
        for row in first.tolist()
    ]


def join(trained: Mapping[str, Any], evaluated: Mapping[str, Any], history: str) -> list[dict[str, Any]]:
    """A model's reports and history, CSV text, as one dictionary per seed, with {"history": {column: values}}."""
    rows = [{key: float(value) for key, value in line.items()} for line in csv.DictReader(history.splitlines())]
    joined = []
    for training, evaluation in zip(trained["replicas"], evaluated["replicas"], strict=True):
        own = [line for line in rows if line["seed"] == training["seed"]]
        columns = {key: [line[key] for line in own] for key in rows[0]}
        joined.append({**trained, **training, **evaluation, "history": columns})
    return joined


def learning_curves(histories: Mapping[str, str]) -> list[dict[str, Any]]:
    """The histories, {model: CSV text}, as one list of {model, seed, epoch, split, loss, accuracy}, for plots."""
    return [
        {"model": name, "seed": row["seed"], "epoch": row["epoch"], "split": split}
        | {measure: row[f"{prefix}{measure}"] for measure in ("loss", "accuracy")}
        for name, history in histories.items()
        for row in csv.DictReader(history.splitlines())
        for split, prefix in (("training", ""), ("validation", "val_"))
    ]


def replicas(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each run's accuracies and times: one list of {model, seed, ...}."""
    columns = ("seed", *(f"{split}_accuracy" for split in SPLITS), "train_seconds", "test_seconds")
    return [{"model": name} | {key: run[key] for key in columns} for name, of in runs.items() for run in of]


def per_class(evaluated: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Precision and recall of each model and label: one list of {model, label, precision, recall, images}."""
    return [
        {"model": name, "label": label} | scores
        for name, report in evaluated.items()
        for label, scores in report["per_class"].items()
    ]


def confusion(evaluated: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The confusion matrices as one list of {model, label, predicted, images}."""
    return [
        {"model": name, "label": label, "predicted": predicted, "images": images}
        for name, report in evaluated.items()
        for label, row in zip(report["per_class"], report["confusion"], strict=True)
        for predicted, images in zip(report["per_class"], row, strict=True)
    ]


def main(params: dict[str, Any]) -> None:
    """Reports, histories and predictions -> the table, tests, calibration, claims, curves and pictures in metrics/."""
    models = params["models"]
    trained, evaluated = (
        {name: json.loads(Path(f"models/{stage}/{name}.json").read_text()) for name in models}
        for stage in ("train", "evaluate")
    )
    histories = {name: Path(f"metrics/history/{name}.csv").read_text() for name in models}
    runs = {name: join(trained[name], evaluated[name], histories[name]) for name in models}
    first = {name: of[0] for name, of in runs.items()}
    prepared = json.loads(Path("metrics/prepare.json").read_text())
    images = {split: sum(counts.values()) for split, counts in prepared["images"].items()}
    fashion = prepared["shows"] == "Fashion-MNIST"
    published = json.loads(Path("data/published.json").read_text())["models"] if fashion else {}
    probabilities = {name: np.load(f"data/predictions/{name}.npz")["test"] for name in models}
    y = np.load("data/test.npz")["y"]
    found = compare(models, runs, published, probabilities, y, images, **params["compare"])
    table, diagrams, labels = found["table"], found["diagrams"], prepared["labels"]
    write_csv("metrics/comparison.csv", [{"model": name} | of for name, of in table.items()])
    with atomic_write("metrics/comparison.md") as file:
        file.write_text(markdown(table, params["compare"]["confidence"]))
    write_csv("metrics/pairs.csv", found["pairs"] or [{"model": None, "other": None}])  # a model alone has no pair
    write_csv("metrics/calibration.csv", [{"model": name} | line for name, of in diagrams.items() for line in of])
    mistakes = [row | {key: labels[row[key]] for key in ("label", "predicted")} for row in found["mistakes"]]
    write_csv("metrics/mistakes.csv", mistakes or [{"model": None, "row": None}])  # a perfect model makes none
    write_csv("metrics/replicas.csv", replicas(runs))
    write_csv("metrics/learning_curves.csv", learning_curves(histories))
    write_csv("metrics/per_class.csv", per_class(first))
    write_csv("metrics/confusion.csv", confusion(first))
    matrices = {name: np.array(of["confusion"]) for name, of in first.items()}
    plots.confusions("metrics/confusions.png", matrices, labels)
    plots.reliability("metrics/reliability.png", diagrams, {name: of["ece"] for name, of in table.items()})
    plots.pareto("metrics/pareto.png", table, COSTS)
    write_json("metrics/claims.json", found["claims"])
    write_json("metrics/comparison.json", table)
