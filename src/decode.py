"""Decode the labels: which garments each one stands for, with the evidence, and a certificate by counting."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from src.decoding import charts
from src.decoding.assignment import weigh
from src.decoding.counts import Split, by_garment, contingency, coverage, cross, fitting_mappings
from src.decoding.lookup import collisions, in_public_order
from src.decoding.mapping import UNDECIDED, certify, claim, count_check, evidence, exceptions
from src.decoding.neighbors import Neighbors, nearest
from src.decoding.wording import against_written, conclusion, in_words, summary
from src.images.charts import image_sheet
from src.images.splits import SPLITS, class_names, garment_names, garments, image_ids, read
from src.images.store import Images
from src.pipeline import tracking
from src.pipeline.files import read_json, write_json
from src.pipeline.schema import EXPONENT, Count, Fraction, Majority


def decode(
    splits: dict[str, Split],
    labels: list[str],
    names: list[str],
    predicted: np.ndarray | None = None,
    *,
    min_share: Majority,
    neighbors: Neighbors,
    min_agreement: Fraction,
    confidence: Fraction,
    max_listed: Count,
    n_sheet: Count,
    n_per_label: Count,
) -> dict[str, Any]:
    """What each label stands for, by known images; where these decide nothing, by garments `predicted` for test, (n,).

    `certified`: every image is known, every garment is claimed, and in every split each label has exactly the images of
    its garments, save the listed exceptions, of which no garment has more than 1 - min_share. As min_share is above one
    half, no other mapping can be certified. Nor can one by predicted garments: it is made to fit the counts.
    Also returned is which test images to show. Raises UserError where a split contradicts the mapping (`certify`).
    """
    tables = {split: contingency(arrays, len(labels), len(names)) for split, arrays in splits.items()}
    total = np.sum(list(tables.values()), axis=0)
    mapping = claim(total, min_share, confidence)
    certify(tables, mapping, labels, names, min_share, confidence)
    counts = {split: count_check(splits[split]["y"], table, mapping, labels) for split, table in tables.items()}
    agree = all(row["agrees"] for by_label in counts.values() for row in by_label.values())
    y, prediction = splits["test"]["y"], None
    if predicted is not None and (mapping == UNDECIDED).all():
        table = cross(predicted, y, len(names), len(labels))
        prediction = weigh(table, np.bincount(y, minlength=len(labels)), min_agreement, confidence)
        if prediction and not prediction["doubts"]:
            mapping = prediction["best"]
    return {
        "known": {split: coverage(arrays["garments"]) for split, arrays in splits.items()},
        "decoding": evidence(total, mapping, labels, names, confidence),
        "undecided": [name for name, label in zip(names, mapping, strict=True) if label == UNDECIDED],
        "certified": bool(names) and agree and UNDECIDED not in mapping,
        "count_check": counts,
        "exceptions": exceptions(splits, mapping, labels, names, max_listed),
        "mappings_that_fit_the_counts": fitting_mappings(y, len(labels), len(names)),
        "prediction": prediction and in_words(prediction, labels, names),
        "table": {split: by_garment(table, labels, names) for split, table in tables.items()},
        "shown": {
            "sheet": list(range(min(n_sheet, len(y)))),
            "per_label": {label: np.flatnonzero(y == i)[:n_per_label].tolist() for i, label in enumerate(labels)},
        },
    }


def draw(
    splits: dict[str, Split], shown: dict[str, Any], x: np.ndarray, clusters: Split, labels: list[str], names: list[str]
) -> None:
    """The sheet of test images, the images of each label, and tables of labels, garments and KMeans clusters.

    x: the test images, (n, side, side) uint8. clusters: a split with the numbers of the clusters, clusters (n,).
    """
    pairs = zip(splits["test"]["y"], splits["test"]["garments"], strict=True)
    captions = [f"{labels[y]}: {names[garment] if garment >= 0 else '?'}" for y, garment in pairs]
    rows = [shown["sheet"][first : first + 10] for first in range(0, len(shown["sheet"]), 10)]
    for name, lines in {"sheet": rows, "labels": list(shown["per_label"].values())}.items():
        image_sheet(f"metrics/decode/{name}.png", [[(x[row], captions[row]) for row in line] for line in lines])
    k = int(clusters["clusters"].max()) + 1
    tables = {("label", "KMeans cluster"): (labels, cross(clusters["y"], clusters["clusters"], len(labels), k))}
    if names:
        in_clusters = {"y": clusters["clusters"], "garments": clusters["garments"]}
        by_label = [contingency(split, len(labels), len(names)) for split in splits.values()]
        tables[("garment", "label")] = (names, np.sum(by_label, axis=0))
        tables[("garment", "KMeans cluster")] = (names, contingency(in_clusters, k, len(names)))
    charts.tables("metrics/decode/tables.png", tables)


def main(params: dict[str, Any]) -> None:
    """Labels, garments and clusters -> the report and pictures; the encoder's MLflow run gets the mapping as tags."""
    block, encoder, embedded = params["decode"], params["embed"]["model"], params["embed"]["split"]
    splits: dict[str, Split] = {
        split: {"y": read(split).y, "garments": garments(split), "names": np.array(image_ids(split))}
        for split in SPLITS
    }
    prepared, published, trained = (
        json.loads(Path(path).read_text())
        for path in ("metrics/prepare/splits.json", "data/published.json", f"data/runs/{encoder}.json")
    )
    labels, names, x = class_names(), garment_names(), read("test").x
    images, path = Images.load("data/raw/images.npz"), Path("data/raw/public.npz")
    public = Images.load(path) if path.exists() else images
    strange = names and prepared["subject"] == "unknown" and x.shape[1:] == public.x_train.shape[1:]
    report = decode(splits, labels, names, nearest(x, public, **block["neighbors"]) if strange else None, **block)
    shown = report.pop("shown")  # it is in the pictures
    if names:
        collided = collisions(public, block["max_listed"])
        report |= {"in_public_order": in_public_order(images, public), "equal_public_images": collided}
    if prepared["subject"] == "Fashion-MNIST" and list(published["written_decoding"]) == labels:
        report["against_written"] = against_written(report["decoding"], published)
    said = conclusion(report, own=params["fetch"]["source"] != "csv")
    with tracking.resumed_run(encoder, f"{encoder}-seed{params['seed']}", trained["seeds"][0]["run_id"]) as tracked:
        kmeans = np.load("data/clusters.npz")["kmeans"]
        clusters = {"y": read(embedded).y, "garments": garments(embedded), "clusters": kmeans}
        draw(splits, shown, x, clusters, labels, names)
        tracked.set_tags(
            {f"label_{label}": ", ".join(found["garments"]) for label, found in report["decoding"].items()}
        )
        tracked.set_tags({"decoding_certified": report["certified"]})
        write_json("metrics/decode/evidence.json", {"conclusion": said} | report)
        write_json("metrics/decode/summary.json", summary(report))
    print(f"decode: {said}")
