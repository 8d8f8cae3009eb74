"""What a decoding amounts to, in sentences, and beside the decoding that was written down in 2022."""

from collections.abc import Mapping
from typing import Any

from src.decoding.records import Coverage, Decoding, LabelEvidence, WrittenLabel


def conclusion(decoding: Decoding, made_here: bool) -> str:
    """What can be said, in a few sentences; `made_here`: the labels were made by `prepare`, from known garments."""
    total = totals(decoding["known"])
    if decoding["by"] == "nearest images":
        sentences = [f"Only {total['known']:,} of {total['images']:,} images equal a public one: too few to decode."]
        sentences += _by_nearest(decoding)
    elif not total["known"]:
        reason = "no image equals a public one, or there are no public data to compare with"
        sentences = [f"Nothing is known about the labels: {reason}."]
    else:
        sentences = _by_look_up(decoding, total)
    sentences += decoding["hints"]
    if ways := decoding["mappings_that_fit_the_counts"]:
        sentences.append(f"The number of test images of each label alone would leave {ways:,} mappings.")
    if made_here:
        sentences.append(
            "These labels were made by this pipeline (prepare.groups), so decoding them only checks the method; "
            "it says nothing about the course's own labels."
        )
    return " ".join(sentences)


def totals(known: Mapping[str, Coverage]) -> Coverage:
    """The coverage of all splits together."""
    parts = known.values()
    return {
        "images": sum(part["images"] for part in parts),
        "known": sum(part["known"] for part in parts),
        "ambiguous": sum(part["ambiguous"] for part in parts),
        "unknown": sum(part["unknown"] for part in parts),
    }


def _by_look_up(decoding: Decoding, total: Coverage) -> list[str]:
    """What known images say."""
    if decoding["certified"]:
        sentences = [
            f"Every label is decoded: all {total['images']:,} images are known, and each label has as many images "
            "as its garments have in the public data."
        ]
    else:
        sentences = [f"{total['known']:,} of {total['images']:,} images are known."]
        if total["ambiguous"]:
            sentences.append(f"Left out, as they equal public images of different garments: {total['ambiguous']:,}.")
        undecided = "; ".join(f"{garment} ({reason})" for garment, reason in decoding["undecided"].items())
        sentences.append(f"No label is claimed for {undecided}." if undecided else "Every garment has a label.")
        sentences += _least_clear(decoding)
        sentences.append(f"This is not certified: {'; '.join(decoding['doubts'])}.")
    if wrong := decoding["exceptions"]["total"]:
        share = f"{wrong / total['images']:.1%}"
        sentences.append(f"Images that bear another label than their garment's: {wrong:,} ({share}).")
    return sentences


def _by_nearest(decoding: Decoding) -> list[str]:
    """What the nearest public images say."""
    doubts = "; ".join(decoding["doubts"])
    if all(not row["garments"] for row in decoding["decoding"].values()):
        return [f"By the public images nearest to the test images, no mapping is claimed: {doubts}."]
    return [
        "By the public images nearest to the test images, every garment has a label.",
        *_least_clear(decoding),
        f"This is claimed, but not certified: {doubts}.",
    ]


def _least_clear(decoding: Decoding) -> list[str]:
    """The garment whose label leads the next one by least, where any has a label."""
    rows = [(label, *item) for label, row in decoding["decoding"].items() for item in row["evidence"].items()]
    if not rows:
        return []
    label, garment, row = min(rows, key=lambda entry: (entry[2]["share"] or 0) - entry[2]["next_share"])
    return [
        f"The least clear is {garment}: {row['share']:.1%} of its images bear label {label}, "
        f"and {row['next_share']:.1%} label {row['next_label']}."
    ]


def against_written(decoding: Mapping[str, LabelEvidence], published: Mapping[str, Any]) -> dict[str, WrittenLabel]:
    """The decoding beside the one written down in 2022, and that one beside its own counts, label by label.

    published: the content of data/published.json.
    """
    comparison: dict[str, WrittenLabel] = {}
    for label, written in published["written_decoding"].items():
        decoded, counted = decoding[label]["garments"], published["test_label_counts"][label]
        comparison[label] = {
            "written": written,
            "only_written": [name for name in written if name not in decoded],
            "only_decoded": [name for name in decoded if name not in written],
            "written_images": 1000 * len(written),  # the public test set has 1,000 images of each garment
            "published_images": counted,
            "written_fits_its_counts": 1000 * len(written) == counted,
        }
    return comparison
