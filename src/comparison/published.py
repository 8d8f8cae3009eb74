"""What the course's notebook published in 2022 (data/published.json), and whether our runs can stand beside it."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from src.comparison.runs import Run


class PublishedModel(TypedDict, total=False):
    """A model of the notebook: accuracies in [0, 1], seconds, its recipe, and a row per epoch. Not all were printed."""

    train_accuracy: float
    val_accuracy: float
    test_accuracy: float
    train_seconds: float
    test_seconds: float
    epochs: int
    optimizer: str
    batch_size: int
    parameters: int
    history: list[dict[str, float]]


class Claim(TypedDict):
    """A statement of the notebook.

    measure: one of src.comparison.claims.MEASURES, of the runs of `models`. It is confirmed if the measure is above
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


def data_differs(published: Published, prepared: Prepared, limit: int | None) -> str | None:
    """Why no published number can stand beside ours, a sentence; None where the data is the same."""
    if prepared["subject"] != "Fashion-MNIST":
        return f"Nothing was published about these images: they are not Fashion-MNIST ({prepared['subject']})."
    if limit is not None:
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
    numbers: Mapping[str, Any] = published["models"].get(run.model, {})
    ours = run.recipe | {"epochs": run.epochs}
    different = [key for key in ("epochs", "optimizer", "batch_size") if key in numbers and numbers[key] != ours[key]]
    if not different:
        return None
    return f"{run.model} has " + "; ".join(f"{key} {ours[key]}, in the notebook {numbers[key]}" for key in different)
