"""What the decoding amounts to: in words, in a few numbers, and beside what was written down in 2022."""

from typing import Any

import numpy as np


def conclusion(report: dict[str, Any], own: bool) -> str:
    """What can be said, in a few sentences; `own`: the labels are the pipeline's own, made by prepare.groups."""
    images, known, ambiguous = (sum(part[key] for part in report["known"].values()) for key in COVERAGE)
    ways = report["mappings_that_fit_the_counts"]
    fit = f" The counts alone leave {ways:,} mappings." if ways else ""
    wrong = report["exceptions"]["total"]
    exceptions = f", save {wrong:,} exceptions ({wrong / images:.1%})" if wrong else ""
    if report["prediction"]:
        return f"{known:,} of {images:,} images equal a public one: too few. {_predicted(report['prediction'])}{fit}"
    if not known:
        return f"Nothing can be known: no image equals a public one, or there was no public data to look into.{fit}"
    if report["certified"]:
        origin = " These labels are the pipeline's own, made by prepare.groups: no news of the course's." if own else ""
        return f"Every label is decoded: all {images:,} images are known and all counts agree{exceptions}.{fit}{origin}"
    return (
        f"{known:,} of {images:,} images are known, {ambiguous:,} match garments that differ and are left out; "
        f"undecided garments: {', '.join(report['undecided']) or 'none'}{exceptions}.{fit}"
    )


COVERAGE = ("images", "known", "ambiguous")


def _predicted(found: dict[str, Any]) -> str:
    """The mapping found by prediction, the runner-up and the doubts, in a few sentences."""
    changes = ", ".join(f"{name} to label {label}" for name, label in found["runner_up"].items())
    claim = f"It is not claimed: {'; '.join(found['doubts'])}." if found["doubts"] else "It is claimed, not certified."
    return (
        f"By their nearest public images, {found['agreement']['share']:.1%} of the test images agree with the best "
        f"mapping that fits the counts, {found['margin']:,} more than with the runner-up (moved: {changes}). {claim}"
    )


def in_words(prediction: dict[str, Any], labels: list[str], names: list[str]) -> dict[str, Any]:
    """The prediction, its best mapping as {label: [garments]}, and what the runner-up moves as {garment: label}."""
    best, second = prediction["best"], prediction["runner_up"]
    named = {label: [names[garment] for garment in np.flatnonzero(best == i)] for i, label in enumerate(labels)}
    moved = {names[garment]: labels[second[garment]] for garment in np.flatnonzero(best != second)}
    return prediction | {"best": named, "runner_up": moved}


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report in a few numbers."""
    images, known, _ = (sum(part[key] for part in report["known"].values()) for key in COVERAGE)
    return {
        "certified": report["certified"],
        "known_share": known / images,
        "undecided": len(report["undecided"]),
        "exceptions": report["exceptions"]["total"],
        "mappings_that_fit_the_counts": report["mappings_that_fit_the_counts"],
    }


def against_written(decoding: dict[str, Any], published: dict[str, Any]) -> dict[str, Any]:
    """The decoding beside the one that was written down in 2022, and that one beside its own counts, label by label."""
    comparison = {}
    for label, written in published["written_decoding"].items():
        found, counted = decoding[label]["garments"], published["test_label_counts"][label]
        comparison[label] = {
            "written": written,
            "only_written": [name for name in written if name not in found],
            "only_found": [name for name in found if name not in written],
            "written_images": 1000 * len(written),  # the public test set has 1,000 images of each garment
            "published_images": counted,
            "written_fits_its_counts": 1000 * len(written) == counted,
        }
    return comparison
