import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.conclusion import against_written, conclusion, in_words, summary

PUBLISHED = json.loads((Path(__file__).parents[1] / "data/published.json").read_text())
NOTHING = {"images": 100, "known": 0, "ambiguous": 0, "unknown": 100}


@pytest.fixture
def report() -> dict[str, Any]:
    """All hundred images known, two of them exceptions."""
    return {
        "known": {"test": {"images": 100, "known": 100, "ambiguous": 0, "unknown": 0}},
        "certified": True,
        "undecided": [],
        "exceptions": {"total": 2, "listed": []},
        "mappings_that_fit_the_counts": 75_600,
        "prediction": None,
    }


def test_a_certified_decoding_names_its_exceptions(report: dict[str, Any]) -> None:
    said = "Every label is decoded: all 100 images are known and all counts agree, save 2 exceptions (2.0%)."
    assert conclusion(report, own=False) == said + " The counts alone leave 75,600 mappings."
    assert conclusion(report, own=True).endswith("prepare.groups: no news of the course's.")
    report["exceptions"]["total"] = 0
    assert "all counts agree. The counts" in conclusion(report, own=False)


def test_one_that_is_not_certified_says_what_is_missing(report: dict[str, Any]) -> None:
    report |= {"certified": False, "undecided": ["Bag"], "mappings_that_fit_the_counts": None}
    report["known"]["test"] |= {"known": 90, "ambiguous": 1}
    assert conclusion(report, own=False) == (
        "90 of 100 images are known, 1 match garments that differ and are left out; "
        "undecided garments: Bag, save 2 exceptions (2.0%)."
    )


def test_without_known_images_it_says_what_it_cannot_know(report: dict[str, Any]) -> None:
    report |= {"certified": False, "known": {"test": NOTHING}, "exceptions": {"total": 0, "listed": []}}
    assert conclusion(report, own=False).startswith("Nothing can be known")
    assert "75,600 mappings" in conclusion(report, own=False)


@pytest.mark.parametrize(
    ("doubts", "said"),
    [([], "It is claimed, not certified."), (["one", "two"], "It is not claimed: one; two.")],
)
def test_a_prediction_is_told_with_its_runner_up(report: dict[str, Any], doubts: list[str], said: str) -> None:
    found = {
        "best": np.array([0, 1, 1]),
        "runner_up": np.array([1, 0, 1]),
        "agreement": {"share": 0.87},
        "margin": 1234,
        "doubts": doubts,
    }
    worded = in_words(found, ["a", "b"], ["Bag", "Coat", "Dress"])
    assert worded["best"] == {"a": ["Bag"], "b": ["Coat", "Dress"]}
    assert worded["runner_up"] == {"Bag": "b", "Coat": "a"}
    report |= {"certified": False, "known": {"test": NOTHING}, "prediction": worded}
    assert conclusion(report, own=False) == (
        "0 of 100 images equal a public one: too few. By their nearest public images, 87.0% of the test images agree "
        "with the best mapping that fits the counts, 1,234 more than with the runner-up (moved: Bag to label b, Coat "
        f"to label a). {said} The counts alone leave 75,600 mappings."
    )


def test_the_summary_by_hand(report: dict[str, Any]) -> None:
    report["known"]["train"] = NOTHING
    assert summary(report) == {
        "certified": True,
        "known_share": 0.5,
        "undecided": 0,
        "exceptions": 2,
        "mappings_that_fit_the_counts": 75_600,
    }


def test_the_written_decoding_contradicts_its_own_counts(params: dict[str, Any]) -> None:
    groups = params["prepare"]["groups"]
    compared = against_written({str(i): {"garments": group} for i, group in enumerate(groups)}, PUBLISHED)
    assert [label for label, row in compared.items() if not row["written_fits_its_counts"]] == ["2", "4"]
    assert compared["2"]["only_written"] == ["Coat"]
    assert compared["4"]["only_found"] == ["Coat"]
    assert compared["0"]["only_written"] == compared["0"]["only_found"] == []
