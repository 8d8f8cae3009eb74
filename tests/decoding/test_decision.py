from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.decoding.decision import decide, in_file_order
from src.decoding.neighbors import Nearest
from src.decoding.records import Decoding, Names, SplitLabels
from src.images.store import AMBIGUOUS, GARMENTS, UNKNOWN

RULES: dict[str, Any] = {"min_share": 0.8, "min_kappa": 0.5, "confidence": 0.95}
PERFECT = 1000 * np.eye(10, dtype=int)  # images are taken for no other garment
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
        first = 50 * per_garment if split == "val" else 0  # its rows are those after train's
        ids = [f"{split} {first + row}" for row in range(len(garments))]
        splits[split] = SplitLabels(label_of[garments], garments, ids)
    return splits


def flip(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The numbers, each with that probability another one, any other being as likely."""
    rng = np.random.default_rng(seed)
    other = (y + rng.integers(1, y.max() + 1, len(y))) % (y.max() + 1)
    return np.where(rng.random(len(y)) < share, other, y)


def decided(splits: Splits, shown: np.ndarray | None = None, per_garment: int = 10) -> Decoding:
    labels = [str(label) for label in range(int(splits["train"].y.max()) + 1)]
    public = {"training": np.full(10, 6 * per_garment), "test": np.full(10, per_garment)}
    nearest = None if shown is None else Nearest(shown, PERFECT)
    return decide(splits, Names(labels, list(GARMENTS)), public, nearest, **RULES)


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
    flipped = [clean[split].ids[row] for split in clean for row in np.flatnonzero(clean[split].y != splits[split].y)]
    assert decoding["exceptions"]["total"] == len(flipped)
    assert [row["image"] for row in decoding["exceptions"]["listed"]] == flipped
    counts = [
        [np.bincount(np.concatenate([source[split].y for split in part]), minlength=10) for source in (clean, splits)]
        for part in (("train", "val"), ("test",))
    ]
    assert decoding["certified"] == all((before == after).all() for before, after in counts)


@pytest.mark.parametrize("label_of", [TRUE, np.arange(10), np.arange(10) // 5, np.array([0] * 7 + [1, 2, 2])])
def test_what_nearest_images_show_recovers_what_no_public_image_tells(label_of: np.ndarray) -> None:
    splits = hidden(label_of, per_garment=200)
    decoding = decided(unknown(splits), flip(splits["test"].garments, 0.2, 0), per_garment=200)
    assert mapping(decoding) == label_of.tolist()
    assert decoding["by"] == "nearest images"
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
    assert decoding["undecided"] == {"Bag": "split between labels 3 and 0"}
    assert decoding["decoding"]["3"]["garments"] == ["Sneaker"]
    assert not decoding["certified"]


def test_a_garment_without_images_is_undecided_and_spoils_the_certificate() -> None:
    splits = {}
    for split, (y, garments, ids) in hidden(TRUE).items():
        rows = np.flatnonzero(garments != 0)
        splits[split] = SplitLabels(y[rows], garments[rows], [ids[row] for row in rows])
    decoding = decided(splits)
    assert decoding["undecided"] == {"T-shirt/top": "no image is known"}
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


def noisy(share: float, parts: tuple[str, ...] = ("train", "val", "test")) -> Splits:
    """A hundred images of each garment in test and six hundred in training, some labels flipped."""
    splits = hidden(TRUE, per_garment=100)
    return {
        split: part._replace(y=flip(part.y, share, seed)) if split in parts else part
        for seed, (split, part) in enumerate(splits.items())
    }


@pytest.mark.parametrize("share", [0.22, 0.3, 0.4])
@pytest.mark.parametrize("parts", [("train", "val", "test"), ("train", "val"), ("test",)])
def test_a_plain_mapping_under_heavy_noise_is_claimed_with_its_margin_and_not_certified(
    share: float, parts: tuple[str, ...]
) -> None:
    decoding = decided(noisy(share, parts), per_garment=100)
    assert mapping(decoding) == TRUE.tolist()
    assert decoding["hints"] == []
    proportion = decoding["decoding"]["3"]["evidence"]["Bag"]
    assert (proportion["share"] or 0) > 2 * proportion["next_share"]
    assert proportion["log10_ratio"] > 10
    assert any("less than 80% of the images of" in doubt for doubt in decoding["doubts"])


def test_exceptions_whose_number_balances_spoil_no_certificate_unless_they_are_many() -> None:
    for n, certified in ((10, True), (30, False)):
        splits = hidden(TRUE, per_garment=100)
        for part in splits.values():  # Bag and Dress swap some labels: each label keeps its count
            for garment, label in ((BAG, 4), (GARMENTS.index("Dress"), 3)):
                rows = np.flatnonzero(part.garments == garment)
                part.y[rows[: n * len(rows) // 100]] = label
        assert decided(splits, per_garment=100)["certified"] == certified


def test_a_garment_that_bears_different_labels_in_training_and_test_is_undecided() -> None:
    splits = hidden(TRUE, per_garment=100)
    splits["test"].y[splits["test"].garments == BAG] = 0
    decoding = decided(splits, per_garment=100)
    assert decoding["undecided"] == {"Bag": "label 3 in training, label 0 in test"}
    assert mapping(decoding) == np.where(np.arange(10) == BAG, -1, TRUE).tolist()


def moved(splits: Splits, part: str, rows: int) -> Splits:
    """The labels of the training or of the test file moved down by so many rows."""
    names = ("train", "val") if part == "training" else ("test",)
    y = np.roll(np.concatenate([splits[name].y for name in names]), rows)
    cut = np.split(y, [len(splits[names[0]].y)])
    return splits | {name: splits[name]._replace(y=labels) for name, labels in zip(names, cut, strict=False)}


def test_the_splits_of_a_file_are_put_in_its_order() -> None:
    train = SplitLabels(np.array([1, 3, 0]), np.array([5, 7, 4]), ["train 1", "train 10", "train 0"])
    val = SplitLabels(np.array([2, 4]), np.array([6, 8]), ["train 2", "train 11"])
    y, garments, ids = in_file_order(train, val)
    assert (y.tolist(), garments.tolist()) == ([0, 1, 2, 3, 4], [4, 5, 6, 7, 8])
    assert ids == ["train 0", "train 1", "train 2", "train 10", "train 11"]


SHIFTED = "labels look unrelated to what the images show. They fit if each image takes the label 1 row below its own"


@pytest.mark.parametrize("part", ["training", "test"])
def test_labels_moved_by_a_row_in_one_file_are_told_and_claimed_by_the_other(part: str) -> None:
    decoding = decided(moved(hidden(TRUE, per_garment=100), part, 1), per_garment=100)
    assert [hint.startswith(f"In {part}, {SHIFTED}") for hint in decoding["hints"]] == [True]
    claimed = [pair for pair in zip(mapping(decoding), TRUE.tolist(), strict=True) if pair[0] != -1]
    assert claimed
    assert all(label == true for label, true in claimed)
    assert not decoding["certified"]


def test_labels_moved_by_a_row_in_both_files_claim_nothing_and_are_told() -> None:
    splits = moved(moved(hidden(TRUE, per_garment=100), "training", 1), "test", 1)
    decoding = decided(splits, per_garment=100)
    assert mapping(decoding) == [-1] * 10
    assert [SHIFTED in hint for hint in decoding["hints"]] == [True, True]


def test_what_the_nearest_images_show_is_claimed_as_a_whole_or_not_at_all() -> None:
    splits = unknown(hidden(TRUE, per_garment=100))
    shown = hidden(TRUE, per_garment=100)["test"].garments
    rows = np.flatnonzero(shown == BAG)
    splits["test"].y[rows[::2]] = 0
    decoding = decided(splits, shown)
    assert mapping(decoding) == [-1] * 10
    assert decoding["doubts"] == [
        "Bag has no label (split between labels 3 and 0)",
        "it does not fit the number of images of each label",
    ]
    assert decoding["undecided"]["Coat"] == "the mapping is not claimed"


def test_predictions_that_fit_nothing_claim_nothing() -> None:
    decoding = decided(unknown(hidden(TRUE, per_garment=100)), np.random.default_rng(0).integers(0, 10, 1000))
    assert mapping(decoding) == [-1] * 10
    assert "the labels agree with it by a kappa of 0.0" in decoding["doubts"][-1]
    assert "In test, labels look unrelated to what the nearest public images show. No shift" in decoding["hints"][0]


def test_what_known_images_decide_is_not_predicted() -> None:
    decoding = decided(hidden(TRUE), np.zeros(100, int))
    assert decoding["by"] == "look-up"
    assert decoding["certified"]
