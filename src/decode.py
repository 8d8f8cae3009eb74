"""Decode the labels: which garments each one stands for, with the evidence, and a check of that answer by counting."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from src import plots, tracking
from src.counting import Split, contingency, count_check, coverage, cross, fitting_mappings
from src.stage import Count, Fraction, run, write_json


def decode(
    splits: dict[str, Split],
    labels: list[str],
    names: list[str],
    *,
    min_share: Fraction,
    sheet: Count,
    per_label: Count,
) -> dict[str, Any]:
    """What each label stands for: a garment belongs to the label that at least `min_share` of its known images bear.

    A garment without such a label is claimed for none. The count check asks of each label and split whether it has
    exactly as many images as the garments claimed for it; `certified` says that all do and that every image is known.
    Also returned is which test images to show: `sheet` of all and `per_label` of each label.
    """
    tables = {split: contingency(arrays, len(labels), len(names)) for split, arrays in splits.items()}
    total = np.sum(list(tables.values()), axis=0)
    images = total.sum(axis=1)
    decoding: dict[str, Any] = {label: {"garments": [], "evidence": {}} for label in labels}
    undecided = []
    for garment, row in enumerate(total):
        if images[garment] and (share := row.max() / images[garment]) >= min_share:
            found = decoding[labels[row.argmax()]]
            found["garments"].append(names[garment])
            found["evidence"][names[garment]] = {"images": int(images[garment]), "share": float(share)}
        else:
            undecided.append(names[garment])
    counts = count_check(splits, tables, decoding, labels, names)
    known = {split: coverage(arrays["garments"]) for split, arrays in splits.items()}
    everything = bool(names) and all(part["known"] == part["images"] for part in known.values())
    return {
        "known": known,
        "decoding": decoding,
        "undecided": undecided,
        "count_check": counts,
        "certified": everything and all(row["agrees"] for by_label in counts.values() for row in by_label.values()),
        "mappings_that_fit_the_counts": fitting_mappings(splits["test"]["y"], len(labels), len(names)),
        "table": {
            split: {name: dict(zip(labels, row, strict=True)) for name, row in zip(names, table.tolist(), strict=True)}
            for split, table in tables.items()
        },
        "shown": {
            "sheet": list(range(min(sheet, len(splits["test"]["y"])))),
            "per_label": {
                label: np.flatnonzero(splits["test"]["y"] == i)[:per_label].tolist() for i, label in enumerate(labels)
            },
        },
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


def conclusion(report: dict[str, Any], own: bool) -> str:
    """What can be said, in a few sentences; `own`: the labels are the pipeline's own, made by prepare.groups."""
    images = sum(part["images"] for part in report["known"].values())
    known = sum(part["known"] for part in report["known"].values())
    ways = report["mappings_that_fit_the_counts"]
    fit = f" The counts alone leave {ways:,} mappings." if ways else ""
    if not known:
        return f"Nothing can be known: no image equals a public one, or there was no public data to look into.{fit}"
    if report["certified"]:
        origin = " These labels are the pipeline's own, made by prepare.groups: no news of the course's." if own else ""
        return f"Every label is decoded: all {images:,} images are known and all counts agree.{fit}{origin}"
    ambiguous = sum(part["ambiguous"] for part in report["known"].values())
    return (
        f"{known:,} of {images:,} images are known, {ambiguous:,} match garments that differ and are left out; "
        f"undecided garments: {', '.join(report['undecided']) or 'none'}.{fit}"
    )


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """The report in a few numbers."""
    images, known = (sum(part[key] for part in report["known"].values()) for key in ("images", "known"))
    return {
        "certified": report["certified"],
        "known_share": known / images,
        "undecided": len(report["undecided"]),
        "mappings_that_fit_the_counts": report["mappings_that_fit_the_counts"],
    }


def draw(report: dict[str, Any], test: Split, clusters: Split, labels: list[str], names: list[str]) -> None:
    """The sheet of test images, the images of each label, and tables of labels, garments and KMeans clusters.

    test: with the images, x (n, side, side) uint8. clusters: with the numbers of the clusters, clusters (n,).
    """
    pairs = zip(test["y"], test["garments"], strict=True)
    captions = [f"{labels[y]}: {names[garment] if garment >= 0 else '?'}" for y, garment in pairs]
    sheet = report["shown"]["sheet"]
    rows = [sheet[first : first + 10] for first in range(0, len(sheet), 10)]
    for name, lines in {"sheet": rows, "labels": list(report["shown"]["per_label"].values())}.items():
        plots.images(f"metrics/{name}.png", [[(test["x"][row], captions[row]) for row in line] for line in lines])
    k = int(clusters["clusters"].max()) + 1
    tables = {("label", "KMeans cluster"): (labels, cross(clusters["y"], clusters["clusters"], len(labels), k))}
    if names:
        in_clusters = {"y": clusters["clusters"], "garments": clusters["garments"]}
        by_label = [[list(row.values()) for row in table.values()] for table in report["table"].values()]
        tables[("garment", "label")] = (names, np.sum(by_label, axis=0))
        tables[("garment", "KMeans cluster")] = (names, contingency(in_clusters, k, len(names)))
    plots.tables("metrics/decoding.png", tables)


def main(params: dict[str, Any]) -> None:
    """Labels, garments and clusters -> the report and pictures; the encoder's MLflow run gets the mapping as tags."""
    arrays = {split: np.load(f"data/{split}.npz") for split in ("train", "val", "test")}
    garments = np.load("data/garments.npz")
    splits = {split: {"y": file["y"], "garments": garments[split]} for split, file in arrays.items()}
    prepared, published = (
        json.loads(Path(path).read_text()) for path in ("metrics/prepare.json", "data/published.json")
    )
    labels, names = prepared["labels"], garments["names"].tolist()
    encoder, embedded = params["embed"]["model"], params["embed"]["split"]
    run_id = json.loads(Path(f"models/train/{encoder}.json").read_text())["replicas"][0]["run_id"]
    with tracking.resumed_run(encoder, run_id) as tracked:
        report = decode(splits, labels, names, **params["decode"])
        if prepared["shows"] == "Fashion-MNIST" and list(published["written_decoding"]) == labels:
            report["against_written"] = against_written(report["decoding"], published)
        clusters = splits[embedded] | {"clusters": np.load("data/clusters.npz")["kmeans"]}
        draw(report, splits["test"] | {"x": arrays["test"]["x"]}, clusters, labels, names)
        tracked.tags({f"label_{label}": ", ".join(found["garments"]) for label, found in report["decoding"].items()})
        tracked.tags({"decoding_certified": report["certified"]})
        said = conclusion(report, own=params["data"]["source"] != "csv")
        del report["shown"]  # it is in the pictures
        write_json("metrics/decoding.json", {"conclusion": said} | report)
        write_json("metrics/decode.json", summary(report))
    print(f"decode: {said}")


if __name__ == "__main__":
    run(main)
