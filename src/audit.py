"""Audit the data: images that occur twice, blank images, and labels that look wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from src.comparison.audit_records import AccuracyPair, ImagesReport, LabelIssue
from src.comparison.runs import Run, read_runs, remove_others
from src.images import splits
from src.images.charts import image_sheet, in_lines
from src.images.duplicates import count_duplicate_pairs, duplicate_groups, leaked_test_images
from src.pipeline.files import write_csv, write_json
from src.pipeline.schema import Count

PER_LINE = 8  # pictures in a line of the sheet


class LabelIssues(NamedTuple):
    """Images whose labels look wrong, by index, the least likely label first: how many, those to list and to show."""

    model: str
    n_issues: int
    listed: np.ndarray
    shown: np.ndarray


def audit(y: np.ndarray, probabilities: np.ndarray, *, model: str, max_listed: Count, max_shown: Count) -> LabelIssues:
    """The labels that look wrong by confident learning (Northcutt, Jiang and Chuang 2021, as cleanlab has it).

    y: (n,) labels 0..classes-1. probabilities: (n, classes), those of `model` for images that it did not learn from. An
    issue is a label that confident learning doubts and in whose place the model would give another.
    """
    from cleanlab.filter import find_label_issues

    doubted = find_label_issues(y, probabilities, n_jobs=1) & (probabilities.argmax(axis=1) != y)
    issues = np.flatnonzero(doubted)
    ranked = issues[probabilities[issues, y[issues]].argsort(kind="stable")]
    return LabelIssues(model, len(issues), ranked[:max_listed], ranked[:max_shown])


def without_leaked(correct: np.ndarray, leaked: np.ndarray) -> AccuracyPair:
    """A model's accuracy with and without the leaked images, (n,) bool each."""
    return {"all": float(correct.mean()), "without_leaked": None if leaked.all() else float(correct[~leaked].mean())}


def issue_row(
    index: int, run: Run, y: np.ndarray, probabilities: np.ndarray, images: list[str], labels: list[str]
) -> LabelIssue:
    """A row of label_issues.csv; the index counts validation images, then test images."""
    n_val = len(run.y["val"])
    in_val = index < n_val
    return {
        "split": "val" if in_val else "test",
        "index": index if in_val else index - n_val,
        "image": images[index],
        "label": labels[y[index]],
        "suggested": labels[probabilities[index].argmax()],
        "self_confidence": round(float(probabilities[index, y[index]]), 6),
    }


def images_report(runs: Mapping[str, Sequence[Run]], issues: LabelIssues, n_examined: int) -> ImagesReport:
    """What is odd about the images of all splits, and what it does to the models' accuracies."""
    data, sizes = splits.read("all"), {split: len(splits.labels(split)) for split in splits.SPLITS}
    n_training = sizes["train"] + sizes["val"]
    groups = duplicate_groups(data.x)
    leaked = leaked_test_images(groups, n_training, sizes["test"])
    return {
        "images": {str(split): n for split, n in sizes.items()},
        "blank_images": int((~data.x.reshape(len(data.x), -1).any(axis=1)).sum()),
        "duplicate_pairs": count_duplicate_pairs(groups, n_training, data.y),
        "leaked_test_images": int(leaked.sum()),
        "test_accuracy": {model: without_leaked(seeds[0].correct["test"], leaked) for model, seeds in runs.items()},
        "note": "Every test image is also for training: no accuracy measures generalization." if leaked.all() else None,
        "label_issues": {"model": issues.model, "n_examined": n_examined, "n_issues": issues.n_issues},
    }


def main(params: dict[str, Any]) -> None:
    """The splits and the models' predictions -> metrics/audit: images.json, the label issues as CSV and as pictures."""
    remove_others(params["models"])
    runs = read_runs(params["models"])
    run = runs[params["audit"]["model"]][0]
    parts = splits.SPLITS[1:]  # the model has not learned from these
    y = np.concatenate([run.y[split] for split in parts])
    probabilities = np.concatenate([run.probabilities[split] for split in parts])
    images = [image for split in parts for image in splits.image_ids(split)]
    x = np.concatenate([splits.read(split).x for split in parts])
    issues = audit(y, probabilities, **params["audit"])
    report = images_report(runs, issues, len(y))
    labels = splits.class_names()
    rows = [issue_row(index, run, y, probabilities, images, labels) for index in issues.listed.tolist()]
    captions = [f"{row['image']}\ngiven {row['label']}, model {row['suggested']}" for row in rows]
    pictures = [(x[index], caption) for index, caption in zip(issues.shown, captions, strict=False)]
    pictures = pictures or [(np.zeros_like(x[0]), "No label issues")]
    image_sheet("metrics/audit/label_issues.png", in_lines(pictures, PER_LINE))
    write_csv("metrics/audit/label_issues.csv", rows, list(LabelIssue.__annotations__))
    write_json("metrics/audit/images.json", report)
    oddities = f"{report['blank_images']} blank, {report['leaked_test_images']} test images also in training"
    by_model = f"{issues.n_issues} label issues among {len(y):,} by {issues.model}"
    print(f"audit: {sum(report['images'].values()):,} images: {oddities}, {by_model}")
