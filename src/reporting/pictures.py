"""The images that the page shows: some of each label, mistakes, likely label errors, and all that were embedded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from src.clustering.agreement import METHODS
from src.comparison.audit_records import LabelIssue
from src.comparison.long_tables import Mistake
from src.comparison.runs import Run
from src.images import splits
from src.images.ground import is_dark
from src.images.splits import SPLITS
from src.images.store import AMBIGUOUS, UNKNOWN
from src.pipeline.schema import Split
from src.pipeline.untrusted import read_arrays
from src.reporting.heat import heat_picture
from src.reporting.maps import Embedded, Grouping
from src.reporting.results import Results


class Shown(NamedTuple):
    """An image, (side, side) or (side, side, 3) uint8, and what it shows, "" where nothing is known of any image."""

    x: np.ndarray
    garment: str


class ShownMistake(NamedTuple):
    """A mistake, its image, and what the prediction depends on, (side, side, 3) uint8, where that was looked into."""

    shown: Shown
    row: Mistake
    heat: np.ndarray | None


@dataclass(frozen=True)
class Pictures:
    """labels: {label: its first test images}; mistakes: by model; issues: likely label errors; embedded: all dots.

    negative: whether dark and light are exchanged, since light things on a dark ground are harder to see.
    """

    labels: dict[str, list[np.ndarray]]
    mistakes: dict[str, list[ShownMistake]]
    issues: list[tuple[Shown, LabelIssue]]
    embedded: Embedded
    negative: bool


def build_pictures(params: Mapping[str, Any], results: Results, runs: Mapping[str, list[Run]]) -> Pictures:
    """The pictures of these results."""
    held_out = SPLITS[1:]  # mistakes and issues are among these
    sets: dict[str, splits.Labelled] = {split: splits.read(split) for split in held_out}
    garments: dict[str, np.ndarray] = {split: splits.garments(split) for split in held_out}
    names = garment_names()

    def shown(split: str, row: int) -> Shown:
        return Shown(sets[split].x[row], names.get(int(garments[split][row]), ""))

    test = sets["test"]
    negative = is_dark(test.x)
    return Pictures(
        labels={
            label: list(test.x[test.y == number][: params["decode"]["n_per_label"]])
            for number, label in enumerate(results.prepared["labels"])
        },
        mistakes={
            model: [
                ShownMistake(shown("test", row["test_index"]), row, heat.get(row["test_index"]))
                for row in results.mistakes
                if row["model"] == model
            ]
            for model, heat in ((model, build_heat(model, test.x, negative)) for model in results.models)
        },
        issues=[(shown(row["split"], row["index"]), row) for row in results.issues[: params["audit"]["max_shown"]]],
        embedded=build_embedded(params["embed"]["split"], params["embed"]["model"], results.prepared["labels"], runs),
        negative=negative,
    )


def build_heat(model: str, x: np.ndarray, negative: bool) -> dict[int, np.ndarray]:
    """What a model's surest mistakes depend on, as pictures, by the places of their images in the test images x."""
    file = read_arrays(f"data/occlusion/{model}.npz", "mistakes", "maps")
    return {
        place: heat_picture(x[place], fall, negative=negative)
        for place, fall in zip(file["mistakes"].tolist(), file["maps"], strict=True)
    }


def garment_names() -> dict[int, str]:
    """What the numbers of `splits.garments` mean; empty where nothing is known of any image."""
    names = dict(enumerate(splits.garment_names()))
    return names | {UNKNOWN: "unknown", AMBIGUOUS: "ambiguous"} if names else {}


def build_embedded(split: Split, encoder: str, labels: list[str], runs: Mapping[str, list[Run]]) -> Embedded:
    """The embedded images, with their places on the maps and the groups by which they are coloured."""
    parts, (x, y) = splits.parts(split), splits.read(split)
    embedding, clusters = read_arrays("data/embedding.npz"), read_arrays("data/clusters.npz")
    predicted = {model: np.concatenate([seeds[0].predicted[part] for part in parts]) for model, seeds in runs.items()}
    probabilities = np.concatenate([runs[encoder][0].probabilities[part] for part in parts])
    names = dict(enumerate(labels))
    groupings = {"label": Grouping(names, y)}
    if garments := garment_names():
        groupings["garment"] = Grouping(garments, splits.garments(split))
    for key, name in METHODS.items():
        numbers = range(clusters[key].max() + 1)
        groupings[f"{name} cluster"] = Grouping(
            {-1: "noise"} | {number: str(number) for number in numbers}, clusters[key]
        )
    groupings[f"prediction of {encoder}"] = Grouping(names, predicted[encoder])
    groupings["outcome"] = Grouping({-1: "correct", 0: "wrong"}, np.where(predicted[encoder] == y, -1, 0))
    return Embedded(
        x=x,
        features=embedding["features"],
        ids=splits.image_ids(split),
        maps={"t-SNE": embedding["tsne"], "PCA": embedding["pca"]},
        groupings=groupings,
        y=y,
        predicted=predicted,
        confidence=probabilities.max(axis=1),
        tested=np.concatenate([np.full(len(splits.labels(part)), part == "test") for part in parts]),
    )
