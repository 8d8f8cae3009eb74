"""Where each model errs most: groups of test images by what they show, brightness, size, distance to training."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.comparison.runs import read_runs, remove_others
from src.comparison.slices import Slice, candidates, find_slices, ranges
from src.images import splits
from src.images.attributes import attributes
from src.pipeline.files import write_csv
from src.pipeline.schema import Count, Majority, Seed, Several


def slices(
    correct: Mapping[str, np.ndarray],
    known: Mapping[str, np.ndarray],
    x: np.ndarray,
    x_train: np.ndarray,
    *,
    n_bins: Several,
    min_images: Several,
    n_listed: Count,
    n_components: Count,
    confidence: Majority,
    seed: Seed,
) -> list[Slice]:
    """The slices of the n test images x on which each model is worst, found on one half of them, tested on the other.

    correct: {model: (n,) bool}. known: {kind: (n,) str}, as labels and what the images show. Attributes are cut into
    `n_bins` ranges; the seed chooses the halves. Raises UserError where x_train has fewer than `n_components`.
    """
    measured = attributes(x, x_train, n_components=n_components, seed=seed)
    groups = {**known, **{name: ranges(values, n_bins) for name, values in measured.items()}}
    first_half = np.zeros(len(x), dtype=bool)
    first_half[np.random.default_rng(seed).permutation(len(x))[: len(x) // 2]] = True
    searched = candidates(groups)
    rule: Any = {"min_images": min_images, "n_listed": n_listed, "confidence": confidence}
    return [row for model, right in correct.items() for row in find_slices(model, right, searched, first_half, **rule)]


def main(params: dict[str, Any]) -> None:
    """The splits and the models' predictions -> metrics/slices/slices.csv."""
    remove_others(params["models"])
    runs = read_runs(params["models"])
    test, names = splits.read("test"), [*splits.garment_names(), ""]
    known = {"label": np.array(splits.class_names())[test.y]}
    if any(names):
        known["garment"] = np.array(names)[np.maximum(splits.garments("test"), -1)]
    correct = {model: seeds[0].correct["test"] for model, seeds in runs.items()}
    rows = slices(correct, known, test.x, splits.read("train").x, **params["slices"])
    write_csv("metrics/slices/slices.csv", rows, list(Slice.__annotations__))
    worse = sum(row["verdict"] == "worse" for row in rows)
    print(f"slices: {len(rows)} listed for {len(runs)} models; {worse} of them are shown to be worse than the rest")
