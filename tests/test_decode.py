import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.data import GARMENTS
from src.decode import against_written, conclusion, decode
from src.prepare import AMBIGUOUS, UNKNOWN, labels_of

ROOT = Path(__file__).parents[1]
PUBLISHED = json.loads((ROOT / "data/published.json").read_text())
BLOCK: dict[str, Any] = {"min_share": 0.8, "sheet": 4, "per_label": 2}
LABELS = list("01234")


def hidden(groups: list[list[str]], each: int = 10, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Labelled garments in random order: `each` of every garment for testing, six times as many for training."""
    rng = np.random.default_rng(seed)
    label_of = labels_of(GARMENTS, groups)
    splits = {}
    for split, images in {"train": 6 * each, "test": each}.items():
        garments = rng.permutation(np.repeat(np.arange(10), images))
        splits[split] = {"garments": garments, "y": label_of[garments]}
    return splits


@pytest.mark.parametrize("seed", range(20))
def test_any_partition_is_decoded_and_certified(seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(GARMENTS).tolist()
    cuts = sorted(rng.choice(np.arange(1, 10), 4, replace=False).tolist())
    groups = [order[a:b] for a, b in zip([0, *cuts], [*cuts, 10], strict=True)]
    report = decode(hidden(groups, seed=seed), LABELS, list(GARMENTS), **BLOCK)
    found = [set(report["decoding"][label]["garments"]) for label in LABELS]
    assert found == [set(group) for group in groups]
    assert report["certified"]
    assert conclusion(report, own=False).startswith("Every label is decoded")
    assert "prepare.groups" in conclusion(report, own=True)
    assert "prepare.groups" not in conclusion(report, own=False)


def test_the_table_counts_garments_by_label(params: dict[str, Any]) -> None:
    splits = hidden(params["prepare"]["groups"])
    report = decode(splits, LABELS, list(GARMENTS), **BLOCK)
    assert report["table"]["test"]["Sandal"] == {"0": 0, "1": 10, "2": 0, "3": 0, "4": 0}
    assert report["table"]["train"]["Coat"] == {"0": 0, "1": 0, "2": 0, "3": 0, "4": 60}
    assert report["decoding"]["1"]["evidence"] == {"Sandal": {"images": 70, "share": 1.0}}
    assert report["count_check"]["test"]["4"] == {"images": 30, "expected": 30, "agrees": True}


def test_a_single_wrong_label_spoils_the_certificate_but_not_the_decoding(params: dict[str, Any]) -> None:
    splits = hidden(params["prepare"]["groups"])
    sandal = np.flatnonzero(splits["test"]["garments"] == GARMENTS.index("Sandal"))[0]
    splits["test"]["y"][sandal] = 4
    report = decode(splits, LABELS, list(GARMENTS), **BLOCK)
    assert report["decoding"]["1"]["garments"] == ["Sandal"]
    assert report["decoding"]["1"]["evidence"]["Sandal"] == {"images": 70, "share": 69 / 70}
    assert not report["certified"]
    assert report["count_check"]["test"]["1"] == {"images": 9, "expected": 10, "agrees": False}


def test_a_garment_that_two_labels_share_is_claimed_for_neither(params: dict[str, Any]) -> None:
    splits = hidden(params["prepare"]["groups"])
    for split in splits.values():
        split["y"][np.flatnonzero(split["garments"] == GARMENTS.index("Bag"))[::2]] = 0
    report = decode(splits, LABELS, list(GARMENTS), **BLOCK)
    assert report["undecided"] == ["Bag"]
    assert report["decoding"]["3"]["garments"] == ["Sneaker"]
    assert "undecided garments: Bag" in conclusion(report, own=False)


def test_ambiguous_and_unknown_images_are_counted_and_never_guessed(params: dict[str, Any]) -> None:
    splits = hidden(params["prepare"]["groups"])
    splits["test"]["garments"][:3] = [AMBIGUOUS, AMBIGUOUS, UNKNOWN]
    report = decode(splits, LABELS, list(GARMENTS), **BLOCK)
    assert report["known"]["test"] == {"images": 100, "known": 97, "ambiguous": 2, "unknown": 1}
    assert np.sum([list(row.values()) for row in report["table"]["test"].values()]) == 97
    assert not report["certified"]


def test_without_public_data_it_says_what_it_cannot_know(params: dict[str, Any]) -> None:
    splits = hidden(params["prepare"]["groups"])
    for split in splits.values():
        split["garments"][:] = UNKNOWN
    report = decode(splits, LABELS, [], **BLOCK)
    assert all(found["garments"] == [] for found in report["decoding"].values())
    assert not report["certified"]
    assert conclusion(report, own=False).startswith("Nothing can be known")
    assert "75,600 mappings" in conclusion(report, own=False)


def test_the_written_decoding_contradicts_its_own_counts(params: dict[str, Any]) -> None:
    report = decode(hidden(params["prepare"]["groups"]), LABELS, list(GARMENTS), **BLOCK)
    compared = against_written(report["decoding"], PUBLISHED)
    assert [label for label in LABELS if not compared[label]["written_fits_its_counts"]] == ["2", "4"]
    assert compared["2"]["only_written"] == ["Coat"]
    assert compared["4"]["only_found"] == ["Coat"]
    assert compared["0"]["only_written"] == compared["0"]["only_found"] == []


def test_shown_images_are_the_first_and_the_first_of_each_label() -> None:
    splits = {"test": {"y": np.array([1, 0, 0, 0, 1]), "garments": np.array([1, 0, 0, 0, 1])}}
    shown = decode(splits, ["a", "b"], ["zero", "one"], **BLOCK)["shown"]
    assert shown == {"sheet": [0, 1, 2, 3], "per_label": {"a": [1, 2], "b": [0, 4]}}
