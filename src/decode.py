"""Decode the labels: which garments each of them stands for, with the evidence, exceptions and a check by counting."""

from pathlib import Path
from typing import Any

import numpy as np

from src.decoding import charts
from src.decoding.counts import contingency, crosstab
from src.decoding.decision import decide
from src.decoding.lookup import collisions, in_public_order
from src.decoding.neighbors import Neighbors, predict_garments
from src.decoding.records import Decoding, LabelException, Names, SplitLabels
from src.decoding.wording import against_written, conclusion
from src.images import splits
from src.images.store import Images
from src.pipeline import tracking
from src.pipeline.files import read_json, write_csv, write_json
from src.pipeline.schema import Count, Fraction, Majority, Split
from src.pipeline.untrusted import read_arrays

FOLDER = "metrics/decode"


def decode(
    images: Images,
    public: Images | None,
    *,
    min_share: Majority,
    neighbors: Neighbors,
    min_kappa: Fraction,
    confidence: Fraction,
    max_listed: Count,
    n_sheet: Count,
    n_per_label: Count,
) -> dict[str, Any]:
    """The content of decoding.json; the sheets of images are drawn, and exceptions.csv is written.

    images: what `fetch` got. public: Fashion-MNIST, where they are a user's own; what they show is not known then.
    """
    (x, y), names = splits.read("test"), Names(splits.class_names(), splits.garment_names())
    parts: dict[str, SplitLabels] = {
        split: SplitLabels(splits.labels(split), splits.garments(split), splits.image_ids(split))
        for split in splits.SPLITS
    }
    nearest, unknown = None, parts["test"].garments < 0
    if public is not None and unknown.mean() > 0.5:
        nearest = predict_garments(x, public, **neighbors)
    rules = {"min_share": min_share, "min_kappa": min_kappa, "confidence": confidence}
    decoding = decide(parts, names, garment_counts(public or images), nearest, **rules)
    exceptions = decoding["exceptions"]["listed"]
    write_csv(f"{FOLDER}/exceptions.csv", exceptions, list(LabelException.__annotations__))
    decoding["exceptions"]["listed"] = exceptions[:max_listed]
    content: dict[str, Any] = {"conclusion": conclusion(decoding, made_here=bool(images.names)), **decoding}
    if names.garments:
        content |= beside_public(images, public, decoding, names, y, max_listed)
    garments = [names.garments[garment] if garment >= 0 else "?" for garment in parts["test"].garments]
    captions = [f"{names.labels[label]}: {garment}" for label, garment in zip(y, garments, strict=True)]
    charts.sheet(f"{FOLDER}/sheet.png", x[:n_sheet], captions[:n_sheet])
    charts.labels(f"{FOLDER}/labels.png", x, y, captions, n_per_label)
    return content


def garment_counts(public: Images) -> dict[str, np.ndarray]:
    """Public images of each garment, {"training", "test": (garments,)}; {} where it is not known what they show."""
    sets = {"training": public.y_train, "test": public.y_test}
    return {part: np.bincount(y, minlength=len(public.names)) for part, y in sets.items()} if public.names else {}


def beside_public(
    images: Images, public: Images | None, decoding: Decoding, names: Names, y: np.ndarray, max_listed: int
) -> dict[str, Any]:
    """Equal public images; the order of a user's own; and, where the test counts are the course's, its decoding."""
    content: dict[str, Any] = {"equal_public_images": collisions(public or images, max_listed)}
    if public is not None:
        content["in_public_order"] = in_public_order(images, public)
    published = read_json("data/published.json")
    counts = np.bincount(y, minlength=len(names.labels)).tolist()
    if dict(zip(names.labels, counts, strict=True)) == published["test_label_counts"]:
        content["against_written"] = against_written(decoding["decoding"], published)
    return content


def draw_tables(split: Split) -> None:
    """Tables of labels, garments and KMeans clusters: of the embedded split, but garments by label of all images."""
    clusters, y, garments = read_arrays("data/clusters.npz")["kmeans"], splits.labels(split), splits.garments(split)
    labels, names = splits.class_names(), splits.garment_names()
    numbers = [str(number) for number in range(clusters.max() + 1)]
    by_label = crosstab(y, clusters, len(labels), len(numbers))
    tables = {("label", "KMeans cluster"): charts.Table(labels, numbers, by_label)}
    if names:
        every, y_every = splits.garments("all"), splits.labels("all")
        counts = contingency(every, y_every, len(names), len(labels))
        tables["garment", "label"] = charts.Table(names, labels, counts)
        counts = contingency(garments, clusters, len(names), len(numbers))
        tables["garment", "KMeans cluster"] = charts.Table(names, numbers, counts)
    charts.tables(f"{FOLDER}/tables.svg", tables)


def main(params: dict[str, Any]) -> None:
    """Labels, garments and clusters -> metrics/decode/; the encoder's MLflow run gets the mapping as tags."""
    path, encoder = Path("data/raw/public.npz"), params["embed"]["model"]
    public = Images.load(path) if path.exists() else None
    content = decode(Images.load("data/raw/images.npz"), public, **params["decode"])
    draw_tables(params["embed"]["split"])
    write_json(f"{FOLDER}/decoding.json", content)
    trained = read_json(f"data/runs/{encoder}.json")["seeds"][0]
    with tracking.resumed_run(encoder, f"{encoder}-seed{trained['seed']}", trained["run_id"]) as tracked:
        tags = {f"decoded.label_{label}": ", ".join(row["garments"]) for label, row in content["decoding"].items()}
        tracked.set_tags({**tags, "decoded.certified": content["certified"]})
    print(f"decode: {content['conclusion']}")
