"""What the course's notebook published in 2022 (data/published.json), and whether our runs can stand beside it."""

from typing import Any, Literal, TypedDict

from src.comparison.runs import Run

FASHION_MNIST_TRAIN = 60_000  # training images


class PublishedModel(TypedDict, total=False):
    """A model of the notebook: accuracies in [0, 1], seconds, its recipe, and a row per epoch. Not all were printed."""

    train_accuracy: float
    val_accuracy: float
    test_accuracy: float
    train_seconds: float
    test_seconds: float
    recipe: dict[str, Any]
    parameters: int
    history: list[dict[str, float]]


class Claim(TypedDict):
    """A statement of the notebook.

    measure: one of src.comparison.measures.MEASURES, of the runs of `models`. It is confirmed if the measure is above
    zero, below zero, or within the margin of zero ("equivalent"). may_differ: what the models' recipes may differ in.
    scope: under which conditions the statement is checked; {epochs} is the number of epochs that all models have.
    """

    statement: str
    scope: str
    measure: str
    models: list[str]
    kind: Literal["above", "below", "equivalent"]
    may_differ: list[str]


class Published(TypedDict):
    """data/published.json, as far as the comparison reads it."""

    test_label_counts: dict[str, int]
    models: dict[str, PublishedModel]
    claims: dict[str, Claim]


class Prepared(TypedDict):
    """metrics/prepare/splits.json."""

    subject: str
    labels: list[str]
    counts: dict[str, dict[str, int]]


def is_cut(limit: int | None, n_training: int, n_test: int) -> bool:
    """Whether `fetch.limit` left any image out, by the numbers of images that there are."""
    return limit in (n_training, n_test) and n_training != FASHION_MNIST_TRAIN


def data_differs(published: Published, prepared: Prepared, limit: int | None) -> str | None:
    """Why no published number can stand beside ours, a sentence; None where the data is the same."""
    if prepared["subject"] != "Fashion-MNIST":
        return f"Nothing was published about these images: they are not Fashion-MNIST ({prepared['subject']})."
    n_images = {split: sum(by_label.values()) for split, by_label in prepared["counts"].items()}
    if is_cut(limit, n_images["train"] + n_images["val"], n_images["test"]):
        return f"No published numbers: fetch.limit leaves only {limit} images, the notebook had all."
    if prepared["counts"]["test"] != published["test_label_counts"]:
        ours, theirs = (
            ", ".join(f"{label}: {n}" for label, n in counts.items())
            for counts in (prepared["counts"]["test"], published["test_label_counts"])
        )
        return f"No published numbers: the test labels have other counts ({ours}) than the notebook's ({theirs})."
    return None


def recipe_differs(published: Published, run: Run) -> str | None:
    """Why a model's published numbers cannot stand beside this run; None where they can, or where there are none."""
    ours = run.recipe | {"epochs": run.epochs}
    theirs = published["models"].get(run.model, {}).get("recipe", ours)
    different = [
        f"{key} {ours.get(key, 'not set')}, in the notebook {theirs.get(key, 'not set')}"
        for key in theirs | ours
        if key not in ours or key not in theirs or ours[key] != theirs[key]
    ]
    return f"{run.model} has {'; '.join(different)}" if different else None
