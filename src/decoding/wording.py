"""What a decoding amounts to, in sentences, and beside the decoding that was written down in 2022."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.decoding.records import Coverage, Decoding, LabelEvidence, MappingChoice, Prediction, WrittenLabel


def conclusion(decoding: Decoding, made_here: bool) -> str:
    """What can be said, in a few sentences; `made_here`: the labels were made by `prepare`, from known garments."""
    total = totals(decoding["known"])
    if decoding["prediction"]:
        sentences = [f"Only {total['known']:,} of {total['images']:,} images equal a public one: too few to decode."]
        sentences += _predicted(decoding["prediction"])
    elif not total["known"]:
        reason = "no image equals a public one, or there are no public data to compare with"
        sentences = [f"Nothing is known about the labels: {reason}."]
    else:
        sentences = _known(decoding, total)
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


def _known(decoding: Decoding, total: Coverage) -> list[str]:
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
        undecided = ", ".join(decoding["undecided"])
        sentences.append(f"No label is claimed for {undecided}." if undecided else "Every garment has a label.")
        agree = [row["agrees"] for by_label in decoding["count_check"].values() for row in by_label.values()]
        if not all(agree):
            sentences.append(
                f"This is not certified: in {agree.count(False)} of {len(agree)} counts a label has more or fewer "
                "images than its garments have in the public data."
            )
    if wrong := decoding["exceptions"]["total"]:
        share = f"{wrong / total['images']:.1%}"
        sentences.append(f"Images that bear another label than their garment's: {wrong:,} ({share}).")
    return sentences


def _predicted(prediction: Prediction) -> list[str]:
    """What the nearest public images say."""
    changes = ", ".join(f"{name} to label {label}" for name, label in prediction["runner_up"].items())
    if prediction["doubts"]:
        verdict = f"It is not claimed: {'; '.join(prediction['doubts'])}."
    else:
        verdict = "It is claimed, but not certified."
    return [
        f"By their nearest public images, {prediction['agreement']['share']:.1%} of the test images agree with the "
        f"best mapping that fits the counts, {prediction['margin']:,} more than with the runner-up, which moves "
        f"{changes}.",
        verdict,
    ]


def in_words(weighed: MappingChoice, labels: Sequence[str], names: Sequence[str]) -> Prediction:
    """A weighed mapping with the names of labels and garments."""
    best, second = weighed.best, weighed.runner_up
    return {
        "best": {
            label: [names[i] for i in np.flatnonzero(best == number).tolist()] for number, label in enumerate(labels)
        },
        "runner_up": {names[i]: labels[second[i]] for i in np.flatnonzero(best != second).tolist()},
        "agreement": weighed.agreement,
        "margin": weighed.margin,
        "contested": weighed.contested,
        "doubts": weighed.doubts,
    }


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
