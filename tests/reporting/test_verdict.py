from types import SimpleNamespace
from typing import Any

import pytest

from src.reporting.formats import SPACE
from src.reporting.verdict import build_verdict

PARAMS: dict[str, Any] = {
    "epochs": None,
    "fetch": {"source": "fashion_mnist", "limit": None},
    "models": {"a": {"epochs": 3}, "b": {"epochs": 10}},
}


def results(**changes: Any) -> Any:
    content: dict[str, Any] = {
        "subject": "Fashion-MNIST",
        "tied": [],
        "garments": {"0": ["Coat", "Bag"], "1": []},
        "train_images": 60_000,
        "test_images": 10_000,
    } | changes
    return SimpleNamespace(
        best="b",
        models={"a": {"tied_with": ""}, "b": {"tied_with": " ".join(content["tied"])}},
        prepared={"subject": content["subject"]},
        fetched={key: content[key] for key in ("train_images", "test_images")},
        decoding={"decoding": {label: {"garments": names} for label, names in content["garments"].items()}},
    )


def test_the_best_model_is_never_named_without_its_ties() -> None:
    verdict = build_verdict(results(tied=["a", "c"]), PARAMS)
    assert verdict.headline == "Mystery Fashion: b is best, tied with a and c"
    assert verdict.tags["best_model"] == "b"
    assert verdict.tags["tied_with"] == "a c"


def test_tags_hold_what_each_label_stands_for() -> None:
    tags = build_verdict(results(), PARAMS).tags
    assert (tags["decoded.label_0"], tags["decoded.label_1"]) == ("Coat, Bag", "")


def test_unknown_images_have_no_mystery() -> None:
    verdict = build_verdict(results(subject="unknown", garments={"cow": [], "dog": []}), PARAMS)
    assert verdict.headline == "Image classifiers: b is best"
    assert verdict.decoded == {}
    assert not any(tag.startswith("decoded") for tag in verdict.tags)


def test_unknown_images_whose_labels_are_decoded_have_them() -> None:
    assert build_verdict(results(subject="unknown"), PARAMS).decoded == {"0": "Coat, Bag", "1": ""}


def test_a_full_run_has_no_warning() -> None:
    verdict = build_verdict(results(), PARAMS)
    assert (verdict.warning, verdict.quick_look) == ("", False)


@pytest.mark.parametrize(
    ("params", "content", "sentence"),
    [
        ({"epochs": 1}, {}, f"Quick look: 1{SPACE}epoch. "),
        ({"epochs": 10}, {}, ""),  # as many as the longest recipe has
        ({"epochs": 9}, {}, f"Quick look: 9{SPACE}epochs. "),
        (
            {"fetch": {"source": "fashion_mnist", "limit": 3000}, "epochs": 1},
            {"train_images": 3000},
            f"Quick look: the first 3,000 of 60,000 training images, 1{SPACE}epoch. ",
        ),
        (
            {"fetch": {"source": "csv", "limit": 200}},
            {"train_images": 200},
            "Quick look: the first 200 training images. ",
        ),
        ({"fetch": {"source": "fashion_mnist", "limit": 10**6}}, {}, ""),  # no image is cut off
        ({"fetch": {"source": "digits", "limit": 3000}}, {"train_images": 1437, "test_images": 600}, ""),
    ],
)
def test_a_quick_look_says_so(params: dict[str, Any], content: dict[str, Any], sentence: str) -> None:
    verdict = build_verdict(results(**content), PARAMS | params)
    assert verdict.warning == (f"{sentence}Do not quote these numbers." if sentence else "")
    assert verdict.quick_look == bool(sentence)


def test_few_test_images_are_told_but_are_no_quick_look() -> None:
    verdict = build_verdict(results(test_images=60), PARAMS)
    assert verdict.warning.startswith(f"Only 60{SPACE}test images: ")
    assert not verdict.quick_look
