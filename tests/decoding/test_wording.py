import numpy as np
import pytest

from src.decoding.records import Coverage, Decoding, LabelCount, MappingChoice
from src.decoding.wording import against_written, conclusion, in_words
from src.pipeline.files import read_json, repository_root

PUBLISHED = read_json(repository_root() / "data/published.json")
KNOWN: Coverage = {"images": 100, "known": 100, "ambiguous": 0, "unknown": 0}
NOTHING: Coverage = {"images": 100, "known": 0, "ambiguous": 0, "unknown": 100}
ALONE = "The number of test images of each label alone would leave 75,600 mappings."


def count(images: int, agrees: bool) -> LabelCount:
    return {"images": images, "expected": 50.0, "low": 50, "high": 50, "agrees": agrees}


@pytest.fixture
def decoding() -> Decoding:
    """All hundred images known, no exceptions."""
    return {
        "certified": True,
        "decoding": {},
        "undecided": [],
        "known": {"test": KNOWN},
        "count_check": {"test": {"a": count(50, True), "b": count(50, True)}},
        "exceptions": {"total": 0, "listed": []},
        "mappings_that_fit_the_counts": 75_600,
        "prediction": None,
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


def test_exceptions_and_counts_that_deviate_are_told(decoding: Decoding) -> None:
    decoding["certified"] = False
    decoding["exceptions"]["total"] = 2
    decoding["count_check"]["test"]["a"]["agrees"] = False
    assert conclusion(decoding, made_here=False) == (
        "100 of 100 images are known. Every garment has a label. This is not certified: in 1 of 2 counts a label has "
        "more or fewer images than its garments have in the public data. Images that bear another label than their "
        f"garment's: 2 (2.0%). {ALONE}"
    )


def test_what_is_missing_is_named(decoding: Decoding) -> None:
    decoding |= {"certified": False, "undecided": ["Bag"], "mappings_that_fit_the_counts": None}
    decoding["known"] = {"test": {"images": 100, "known": 90, "ambiguous": 1, "unknown": 9}}
    assert conclusion(decoding, made_here=False) == (
        "90 of 100 images are known. Left out, as they equal public images of different garments: 1. No label is "
        "claimed for Bag."
    )


def test_without_known_images_it_says_what_it_cannot_know(decoding: Decoding) -> None:
    decoding |= {"certified": False, "known": {"test": NOTHING}}
    assert conclusion(decoding, made_here=False) == (
        "Nothing is known about the labels: no image equals a public one, or there are no public data to compare with. "
        f"{ALONE}"
    )


@pytest.mark.parametrize(
    ("doubts", "verdict"),
    [([], "It is claimed, but not certified."), (["one", "two"], "It is not claimed: one; two.")],
)
def test_a_prediction_is_told_with_its_runner_up(decoding: Decoding, doubts: list[str], verdict: str) -> None:
    weighed = MappingChoice(
        best=np.array([0, 1, 1]),
        runner_up=np.array([1, 0, 1]),
        agreement={"images": 100, "share": 0.87, "interval": [0.8, 0.9]},
        margin=1234,
        contested={"images": 100, "share": 0.9, "interval": [0.8, 0.95]},
        doubts=doubts,
    )
    prediction = in_words(weighed, ["a", "b"], ["Bag", "Coat", "Dress"])
    assert prediction["best"] == {"a": ["Bag"], "b": ["Coat", "Dress"]}
    assert prediction["runner_up"] == {"Bag": "b", "Coat": "a"}
    decoding |= {"certified": False, "known": {"test": NOTHING}, "prediction": prediction}
    assert conclusion(decoding, made_here=False) == (
        "Only 0 of 100 images equal a public one: too few to decode. By their nearest public images, 87.0% of the test "
        "images agree with the best mapping that fits the counts, 1,234 more than with the runner-up, which moves Bag "
        f"to label b, Coat to label a. {verdict} {ALONE}"
    )


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
