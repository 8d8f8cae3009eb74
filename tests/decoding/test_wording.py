import pytest

from src.decoding.records import Coverage, Decoding, GarmentEvidence, LabelCount, LabelEvidence
from src.decoding.wording import against_written, conclusion
from src.pipeline.files import read_json, repository_root

PUBLISHED = read_json(repository_root() / "data/published.json")
KNOWN: Coverage = {"images": 100, "known": 100, "ambiguous": 0, "unknown": 0}
NOTHING: Coverage = {"images": 100, "known": 0, "ambiguous": 0, "unknown": 100}
ALONE = "The number of test images of each label alone would leave 75,600 mappings."


def count(images: int, agrees: bool) -> LabelCount:
    return {"images": images, "expected": 50.0, "low": 50, "high": 50, "agrees": agrees}


def label(**shares: tuple[float, float]) -> LabelEvidence:
    """A label with these garments, the share of each one's images that bear it, and the share of the next label, c."""
    evidence: dict[str, GarmentEvidence] = {
        garment: {
            "images": 1000,
            "share": share,
            "interval": [0.0, 1.0],
            "next_label": "c",
            "next_share": next_share,
            "log10_ratio": 9.0,
        }
        for garment, (share, next_share) in shares.items()
    }
    return {
        "garments": list(shares),
        "purity": {"images": 9, "share": 1.0, "interval": [0.7, 1.0]},
        "evidence": evidence,
    }


@pytest.fixture
def decoding() -> Decoding:
    """All hundred images known, no exceptions."""
    return {
        "by": "look-up",
        "certified": True,
        "doubts": [],
        "decoding": {"a": label(Bag=(0.9, 0.1), Coat=(0.604, 0.1)), "b": label(Dress=(0.7, 0.1))},
        "undecided": {},
        "kappa": 0.7,
        "hints": [],
        "known": {"test": KNOWN},
        "count_check": {"test": {"a": count(50, True), "b": count(50, True)}},
        "exceptions": {"total": 0, "listed": []},
        "mappings_that_fit_the_counts": 75_600,
    }


def test_a_certified_decoding_is_said_to_be_one(decoding: Decoding) -> None:
    assert conclusion(decoding, made_here=False) == (
        "Every label is decoded: all 100 images are known, and each label has as many images as its garments have in "
        f"the public data. {ALONE}"
    )


def test_labels_of_the_pipeline_are_said_to_say_nothing_about_the_courses(decoding: Decoding) -> None:
    assert conclusion(decoding, made_here=True).endswith(
        "These labels were made by this pipeline (prepare.groups), so decoding them only checks the method; it says "
        "nothing about the course's own labels."
    )


def test_a_claim_without_a_certificate_is_told_with_its_margin_doubts_and_exceptions(decoding: Decoding) -> None:
    decoding |= {"certified": False, "doubts": ["one thing", "another"]}
    decoding["exceptions"]["total"] = 2
    assert conclusion(decoding, made_here=False) == (
        "100 of 100 images are known. Every garment has a label. The least clear is Coat: 60.4% of its images bear "
        "label a, and 10.0% label c. This is not certified: one thing; another. Images that bear another label than "
        f"their garment's: 2 (2.0%). {ALONE}"
    )


def test_what_is_missing_is_named_and_hints_are_given(decoding: Decoding) -> None:
    decoding |= {"certified": False, "doubts": ["it is so"], "mappings_that_fit_the_counts": None, "hints": ["Look!"]}
    decoding["undecided"] = {"Bag": "split between labels a and b", "Coat": "the evidence is too weak"}
    decoding["decoding"] = {"a": label(), "b": label()}
    decoding["known"] = {"test": {"images": 100, "known": 90, "ambiguous": 1, "unknown": 9}}
    assert conclusion(decoding, made_here=False) == (
        "90 of 100 images are known. Left out, as they equal public images of different garments: 1. No label is "
        "claimed for Bag (split between labels a and b); Coat (the evidence is too weak). "
        "This is not certified: it is so. Look!"
    )


def test_without_known_images_it_says_what_it_cannot_know(decoding: Decoding) -> None:
    decoding |= {"certified": False, "known": {"test": NOTHING}}
    assert conclusion(decoding, made_here=False) == (
        "Nothing is known about the labels: no image equals a public one, or there are no public data to compare with. "
        f"{ALONE}"
    )


def test_what_the_nearest_images_say_is_told_as_such(decoding: Decoding) -> None:
    decoding |= {"by": "nearest images", "certified": False, "known": {"test": NOTHING}, "doubts": ["one", "two"]}
    few = "Only 0 of 100 images equal a public one: too few to decode. By the public images nearest to the test images,"
    assert conclusion(decoding, made_here=False) == (
        f"{few} every garment has a label. The least clear is Coat: 60.4% of its images bear label a, and 10.0% label "
        f"c. This is claimed, but not certified: one; two. {ALONE}"
    )
    decoding["decoding"] = {"a": label(), "b": label()}
    assert conclusion(decoding, made_here=False) == f"{few} no mapping is claimed: one; two. {ALONE}"


def test_the_written_decoding_contradicts_its_own_counts() -> None:
    groups = [["T-shirt/top", "Shirt"], ["Sandal"], ["Trouser", "Pullover"], ["Sneaker", "Bag"]]
    groups.append(["Dress", "Coat", "Ankle boot"])
    nothing = {"images": 0, "share": None, "interval": [0.0, 1.0]}
    decoding = {str(i): {"garments": group, "purity": nothing, "evidence": {}} for i, group in enumerate(groups)}
    compared = against_written(decoding, PUBLISHED)  # type: ignore[arg-type]
    assert [label for label, row in compared.items() if not row["written_fits_its_counts"]] == ["2", "4"]
    assert compared["2"]["only_written"] == ["Coat"]
    assert compared["4"]["only_decoded"] == ["Coat"]
    assert compared["0"]["only_written"] == compared["0"]["only_decoded"] == []
