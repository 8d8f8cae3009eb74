from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.decoding.decision import decide
from src.decoding.records import Decoding, Names, SplitLabels
from src.images.store import AMBIGUOUS, GARMENTS, UNKNOWN
from src.pipeline.files import UserError

RULES: dict[str, Any] = {"min_share": 0.8, "min_agreement": 0.7, "confidence": 0.95}
TRUE = np.array([0, 2, 2, 4, 4, 1, 0, 3, 3, 4])  # the label of each garment
BAG, SANDAL = GARMENTS.index("Bag"), GARMENTS.index("Sandal")
Splits = dict[str, SplitLabels]


@st.composite
def groupings(draw: st.DrawFn) -> np.ndarray:
    """The label of each of the ten garments, (10,), any grouping behind two to ten labels."""
    labels = draw(st.integers(2, 10))
    rest = draw(st.lists(st.integers(0, labels - 1), min_size=10 - labels, max_size=10 - labels))
    return np.array(draw(st.permutations([*range(labels), *rest])))


def hidden(label_of: np.ndarray, per_garment: int = 10, seed: int = 0) -> Splits:
    """Labelled garments in random order: so many of each for test and val, five times as many for train."""
    rng, splits = np.random.default_rng(seed), {}
    for split, images in {"train": 5 * per_garment, "val": per_garment, "test": per_garment}.items():
        garments = rng.permutation(np.repeat(np.arange(10), images))
        splits[split] = SplitLabels(label_of[garments], garments, [f"{split} {row}" for row in range(len(garments))])
    return splits


def flip(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The numbers, each with that probability another one, any other being as likely."""
    rng = np.random.default_rng(seed)
    other = (y + rng.integers(1, y.max() + 1, len(y))) % (y.max() + 1)
    return np.where(rng.random(len(y)) < share, other, y)


def decided(splits: Splits, predicted: np.ndarray | None = None, per_garment: int = 10) -> Decoding:
    labels = [str(label) for label in range(int(splits["train"].y.max()) + 1)]
    public = {"training": np.full(10, 6 * per_garment), "test": np.full(10, per_garment)}
    return decide(splits, Names(labels, list(GARMENTS)), public, predicted, **RULES)


def mapping(decoding: Decoding) -> list[int]:
    """The label of each garment as decoded; -1 where it has none."""
    by_name = {name: int(label) for label, row in decoding["decoding"].items() for name in row["garments"]}
    return [by_name.get(name, -1) for name in GARMENTS]


def unknown(splits: Splits) -> Splits:
    return {split: part._replace(garments=np.full_like(part.garments, UNKNOWN)) for split, part in splits.items()}


@settings(max_examples=30)
@given(groupings(), st.integers(0, 2**32 - 1))
def test_any_mapping_is_recovered_and_certified(label_of: np.ndarray, seed: int) -> None:
    decoding = decided(hidden(label_of, seed=seed))
    assert mapping(decoding) == label_of.tolist()
    assert decoding["certified"]
    assert decoding["exceptions"] == {"total": 0, "listed": []}


@settings(max_examples=30)
@given(groupings(), st.floats(0, 0.1), st.integers(0, 2**32 - 1))
def test_flipped_labels_are_exceptions_and_certified_only_where_they_balance(
    label_of: np.ndarray, share: float, seed: int
) -> None:
    clean = hidden(label_of, per_garment=100, seed=seed)
    splits = {split: part._replace(y=flip(part.y, share, seed)) for split, part in clean.items()}
    decoding = decided(splits, per_garment=100)
    assert mapping(decoding) == label_of.tolist()
    flipped = [f"{split} {row}" for split in clean for row in np.flatnonzero(clean[split].y != splits[split].y)]
    assert decoding["exceptions"]["total"] == len(flipped)
    assert [row["image"] for row in decoding["exceptions"]["listed"]] == flipped
    counts = [
        [np.bincount(np.concatenate([source[split].y for split in part]), minlength=10) for source in (clean, splits)]
        for part in (("train", "val"), ("test",))
    ]
    assert decoding["certified"] == all((before == after).all() for before, after in counts)


@settings(max_examples=30)
@given(groupings(), st.integers(0, 2**32 - 1))
def test_predicted_garments_and_counts_recover_what_no_public_image_tells(label_of: np.ndarray, seed: int) -> None:
    splits = hidden(label_of, per_garment=100, seed=seed)
    decoding = decided(unknown(splits), flip(splits["test"].garments, 0.2, seed))
    assert mapping(decoding) == label_of.tolist()
    assert decoding["prediction"] is not None
    assert decoding["prediction"]["doubts"] == []
    assert not decoding["certified"]


def test_counts_and_shares_by_hand() -> None:
    splits = hidden(TRUE)
    splits["test"].y[np.flatnonzero(splits["test"].garments == SANDAL)[0]] = 4
    decoding = decided(splits)
    proportion = decoding["decoding"]["1"]["evidence"]["Sandal"]
    assert (proportion["images"], proportion["share"]) == (70, 69 / 70)
    assert decoding["decoding"]["1"]["purity"]["share"] == 1
    assert decoding["decoding"]["4"]["purity"]["share"] == 210 / 211
    row = decoding["count_check"]["test"]["1"]
    assert (row["images"], row["expected"], row["agrees"]) == (9, 10, False)
    assert decoding["count_check"]["training"]["1"]["agrees"]
    assert not decoding["certified"]


def test_images_that_are_all_known_but_not_all_the_public_ones_are_not_certified() -> None:
    splits = hidden(TRUE)
    twice = splits["test"]
    splits["test"] = SplitLabels(np.append(twice.y, twice.y), np.append(twice.garments, twice.garments), twice.ids * 2)
    decoding = decided(splits)
    assert mapping(decoding) == TRUE.tolist()
    assert not decoding["certified"]


def test_a_garment_that_two_labels_share_is_claimed_for_neither() -> None:
    splits = hidden(TRUE)
    for part in splits.values():
        part.y[np.flatnonzero(part.garments == BAG)[::2]] = 0
    decoding = decided(splits)
    assert decoding["undecided"] == ["Bag"]
    assert decoding["decoding"]["3"]["garments"] == ["Sneaker"]
    assert not decoding["certified"]


def test_a_garment_without_images_is_undecided_and_spoils_the_certificate() -> None:
    splits = {}
    for split, (y, garments, ids) in hidden(TRUE).items():
        rows = np.flatnonzero(garments != 0)
        splits[split] = SplitLabels(y[rows], garments[rows], [ids[row] for row in rows])
    decoding = decided(splits)
    assert decoding["undecided"] == ["T-shirt/top"]
    assert not decoding["certified"]


def test_ambiguous_and_unknown_images_are_counted_and_never_guessed() -> None:
    splits = hidden(TRUE)
    splits["test"].garments[:3] = [AMBIGUOUS, AMBIGUOUS, UNKNOWN]
    decoding = decided(splits)
    assert decoding["known"]["test"] == {"images": 100, "known": 97, "ambiguous": 2, "unknown": 1}
    assert sum(row["purity"]["images"] for row in decoding["decoding"].values()) == 697
    assert mapping(decoding) == TRUE.tolist()
    assert not decoding["certified"]


def test_without_public_data_nothing_is_claimed() -> None:
    decoding = decide(unknown(hidden(TRUE)), Names(list("01234"), []), {}, None, **RULES)
    assert all(row["garments"] == [] for row in decoding["decoding"].values())
    assert decoding["count_check"] == {}
    assert not decoding["certified"]


def test_test_labels_in_another_order_are_refused() -> None:
    splits = hidden(TRUE, per_garment=100)
    splits["test"] = splits["test"]._replace(y=np.random.default_rng(0).permutation(splits["test"].y))
    with pytest.raises(UserError, match="Check that images and labels are in the same order"):
        decided(splits)


def test_predictions_that_fit_nothing_claim_nothing() -> None:
    decoding = decided(unknown(hidden(TRUE, per_garment=100)), np.random.default_rng(0).integers(0, 10, 1000))
    assert decoding["undecided"] == list(GARMENTS)
    assert decoding["prediction"] is not None
    assert "less than 70% of the images agree" in decoding["prediction"]["doubts"]


def test_what_known_images_decide_is_not_predicted() -> None:
    decoding = decided(hidden(TRUE), predicted=np.zeros(100, int))
    assert decoding["prediction"] is None
    assert decoding["certified"]
