"""Audit the data: images that occur twice, blank images, the balance of the labels, and labels that look wrong."""

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

pass
from src.images.splits import SPLITS, read
from src.images.splits import image_ids as given
from src.pipeline.files import write_csv, write_json
from src.pipeline.schema import Count

pass


def audit(
    y: np.ndarray, probabilities: np.ndarray, *, model: str, max_listed: Count, max_shown: Count
) -> dict[str, Any]:
    """Which labels look wrong, by confident learning (Northcutt, Jiang and Chuang 2021, as cleanlab has it).

    y: (n,) labels 0..classes-1. probabilities: (n, classes), those of `model` for images that it did not learn from.
    Returns suspected, (n,) bool; and the rows of the least likely labels, the least likely first: those that are to be
    `listed`, and shown on the `sheet`.
    """
    from cleanlab.filter import find_label_issues

    rows = probabilities[np.arange(len(y)), y].argsort(kind="stable")
    suspected = find_label_issues(y, probabilities, n_jobs=1)
    return {"model": model, "suspected": suspected, "listed": rows[:listed], "sheet": rows[:sheet]}


def duplicates(images: np.ndarray) -> list[list[int]]:
    """Groups of the numbers of (n, side, side) images that are equal in every pixel, each group ascending."""
    groups = defaultdict(list)
    for row, image in enumerate(images):
        groups[image.tobytes()].append(row)
    return [group for group in groups.values() if len(group) > 1]


def pairs(groups: list[list[int]], training: int, y: np.ndarray) -> dict[str, int]:
    """Pairs of equal images: both among the first `training`, both after them, across; and with unequal labels."""
    equal = [pair for group in groups for pair in combinations(group, 2)]
    return {
        "within_training": sum(second < training for _, second in equal),
        "within_test": sum(first >= training for first, _ in equal),
        "across": sum(first < training <= second for first, second in equal),
        "with_different_labels": sum(bool(y[first] != y[second]) for first, second in equal),
    }


def leaked(groups: list[list[int]], training: int, test: int) -> np.ndarray:
    """Which of the `test` images, which come after the first `training`, are among those too: (test,) bool."""
    found = np.zeros(test, dtype=bool)
    for group in groups:
        if group[0] < training:
            found[[row - training for row in group if row >= training]] = True
    return found


def without(correct: np.ndarray, left_out: np.ndarray) -> dict[str, float]:
    """A model's accuracy on all images and without some: (n,) bool, (n,) bool."""
    return {"all": float(correct.mean()), "without_images_of_training": float(correct[~left_out].mean())}


def main(params: dict[str, Any]) -> None:
    """The splits and the models' predictions -> metrics/audit.json, the suspects as a list and as pictures."""
    labels = json.loads(Path("metrics/prepare.json").read_text())["labels"]
    model_block(params, params["audit"]["model"])
    x, y, by_split = read("all", "x"), read("all", "y"), {split: read(split, "y") for split in SPLITS}
    test = by_split["test"]
    # The model has not learned from image number `unseen` and those after it.
    unseen, val = len(by_split["train"]), len(by_split["val"])
    training = unseen + val
    twins = duplicates(x)
    again = leaked(twins, training, len(test))
    predicted = {name: np.load(f"data/predictions/{name}.npz") for name in params["models"]}
    first = predicted[params["audit"]["model"]]
    probabilities = np.concatenate([first["val"][0], first["test"][0]])
    images = given("val") + given("test")
    found = audit(y[unseen:], probabilities, **params["audit"])
    rows = [
        {
            "split": "val" if row < val else "test",
            "row": row if row < val else row - val,
            "image": images[row],
            "label": labels[y[unseen + row]],
            "suggested": labels[probabilities[row].argmax()],
            "probability_of_label": round(float(probabilities[row, y[unseen + row]]), 6),
            "suspected": bool(found["suspected"][row]),
        }
        for row in found["listed"].tolist()
    ]
    report = {
        "images": {split: len(own) for split, own in by_split.items()},
        "share_of_label": {
            split: {label: float((own == i).mean()) for i, label in enumerate(labels)}
            for split, own in by_split.items()
        },
        "blank_images": int((~x.any(axis=(1, 2))).sum()),
        "equal_pairs": pairs(twins, training, y),
        "test_images_of_training": int(again.sum()),
        "test_accuracy": {
            name: without(each["test"][0].argmax(axis=1) == test, again) for name, each in predicted.items()
        },
        "suspects": {
            "model": found["model"],
            "looked_at": len(probabilities),
            "suspected": int(found["suspected"].sum()),
        },
    }
    captions = [f"{row['label']}? {row['suggested']}" for row in rows]
    shown = [(x[unseen + row], caption) for row, caption in zip(found["sheet"], captions, strict=False)]
    plots.images("metrics/suspects.png", [shown[first : first + 10] for first in range(0, len(shown), 10)])
    write_csv("metrics/suspects.csv", rows)
    write_json("metrics/audit.json", report)
