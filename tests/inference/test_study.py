from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from src.inference.groupings import groupings
from src.inference.study import Evidence, Train, collect, in_words, published_numbers, self_test
from src.pipeline.files import UserError

LABELS = groupings([2, 2, 3])
NAMES = [*"abcdefg"]
SETTINGS: dict[str, Any] = {"encoder": "e", "models": ["m", "n"], "n_seeds": 2, "first_epoch": 2, "seed": 5}


def simulated(spread: float) -> Train:
    """Trainings whose curves are a random number for each grouping, and normal errors."""
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(len(LABELS), 4))
    mix = spread * rng.normal(size=(4, 4))

    def train(model: str, seed: int, hidden: np.ndarray | None) -> Mapping[str, np.ndarray]:
        if hidden is None:
            return {"curves": np.stack([truth * 0, truth, truth])}  # the first epoch does not count
        number = (hidden == LABELS).all(axis=1).argmax()
        curve = truth[number] + rng.normal(size=4) @ mix + 0.1
        return {"curves": np.stack([curve * 0, curve, curve]), "clusters": np.zeros(3, int), "core": np.ones(3, bool)}

    return train


def test_hidden_groupings_are_in_their_credible_sets_as_often_as_they_should() -> None:
    evidence = collect(simulated(0.5), LABELS, **SETTINGS | {"n_mappings": 100})
    rows = self_test(evidence, NAMES, [1], 0.9)
    assert len(rows) == len(evidence.encoders) == 100
    assert np.mean([row["in_set"] for row in rows]) == pytest.approx(0.9, abs=0.08)
    assert np.median([row["set_size"] for row in rows]) < len(LABELS) / 4  # and they say something
    assert {row["models"] for row in rows} == {"e m", "e n"}


def test_a_weaker_likelihood_makes_larger_sets() -> None:
    evidence = collect(simulated(0.1), LABELS, **SETTINGS | {"n_mappings": 12})
    whole, half = (self_test(evidence, NAMES, [temper], 0.9) for temper in (1, 0.5))
    assert all(a["set_size"] <= b["set_size"] and a["rank"] == b["rank"] for a, b in zip(whole, half, strict=True))


def test_the_own_trainings_of_a_hidden_grouping_say_nothing_of_the_errors() -> None:
    evidence = Evidence(
        LABELS[:3],
        predicted={"m": np.zeros((3, 4))},
        measured={"m": {number: np.full(4, float(number)) for number in range(3)}},
    )
    assert evidence.errors("m")[:, 0].tolist() == [0, 1, 2]
    assert evidence.errors("m", without=1)[:, 0].tolist() == [0, 2]


@pytest.mark.parametrize("n_mappings", [11, len(LABELS) + 1])
def test_too_few_mappings_and_more_than_there_are_are_refused(n_mappings: int) -> None:
    must = rf"infer\.n_mappings: must be 12 to {len(LABELS)} for these models and labels\. Got {n_mappings}\.$"
    with pytest.raises(UserError, match=must):
        collect(simulated(1), LABELS, **SETTINGS | {"n_mappings": n_mappings})


def test_a_published_curve_and_a_grouping_in_words() -> None:
    row = {"epoch": 1, "loss": 0.4, "accuracy": 0.8, "val_loss": 0.5, "val_accuracy": 0.7}
    history = [row, row | {"loss": 0.2}, row | {"loss": 0.1}]
    assert published_numbers({"history": history}, 2) == pytest.approx([0.8, 0.15, 0.7, 0.5])
    assert in_words(np.array([0, 2, 1, 0]), ["Bag", "Coat", "Dress", "Shirt"]) == "Bag + Shirt, Dress, Coat"
