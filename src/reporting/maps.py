"""The images that the report shows and the dots of its maps, as text for a page that is one file."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.images import splits
from src.images.store import AMBIGUOUS, UNKNOWN

COLUMNS = 100  # images in a row of the sheet that all dots' images are on

Groups = Mapping[str, tuple[Mapping[int, str], np.ndarray]]  # {what: ({number: its name}, (n,) numbers)}


def pictured(params: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The images to show, and the maps' places and groups.

    labels: {label: first test images}; mistakes: {model: [(image, row of metrics/mistakes.csv, garment)]}; suspects:
    the same for metrics/suspects.csv; x, names, maps, groups: of all embedded images.
    """
    images: dict[str, np.ndarray] = {split: splits.read(split, "x") for split in splits.SPLITS}
    garments: dict[str, np.ndarray] = {split: splits.garments(split) for split in splits.SPLITS}
    names = dict(enumerate(np.load("data/garments.npz")["names"].tolist()))
    named = names | {UNKNOWN: "unknown", AMBIGUOUS: "ambiguous"}
    labels, y = dict(enumerate(found["prepare"]["labels"])), splits.read("test", "y")
    split, encoder = params["embed"]["split"], params["embed"]["model"]
    embedding, clusters = np.load("data/embedding.npz"), np.load("data/clusters.npz")
    probabilities = np.load(f"data/predictions/{encoder}.npz")
    parts = splits.parts(split)
    predicted = np.concatenate([probabilities[part][0] for part in parts]).argmax(axis=1)
    truth = splits.read(split, "y")

    def shown(split: str, row: Mapping[str, Any]) -> tuple[np.ndarray, Mapping[str, Any], str]:
        number = int(row["row"])
        return images[split][number], row, named[int(garments[split][number])]

    groups: dict[str, tuple[dict[int, str], np.ndarray]] = {"label": (labels, truth)}
    if names:
        groups["garment"] = named, np.concatenate([garments[part] for part in parts])
    for name, key in {"KMeans": "kmeans", "DBSCAN": "dbscan"}.items():
        numbers = range(clusters[key].max() + 1)
        groups[f"{name} cluster"] = {-1: "noise"} | {number: str(number) for number in numbers}, clusters[key]
    groups[f"prediction of {encoder}"] = labels, predicted
    groups["outcome"] = {-1: "right", 0: "wrong"}, np.where(predicted == truth, -1, 0)
    return {
        "labels": {label: images["test"][y == i][: params["decode"]["per_label"]] for i, label in labels.items()},
        "mistakes": {
            model: [shown("test", row) for row in found["mistakes"] if row["model"] == model]
            for model in found["comparison"]
        },
        "suspects": [shown(row["split"], row) for row in found["suspects"][: params["audit"]["sheet"]]],
        "x": np.concatenate([images[part] for part in parts]),
        "names": splits.given(split),
        "maps": {"t-SNE": embedding["tsne"], "PCA": embedding["pca"]},
        "groups": groups,
    }


def picture(x: np.ndarray) -> str:
    """A (rows, columns) uint8 image, 0 black, as PNG in a data address."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(x).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def sheet(x: np.ndarray, side: int) -> np.ndarray:
    """(n, s, s) uint8 images, shrunk to `side` where s is larger, row by row as one image, COLUMNS in a row."""
    from PIL import Image

    if x.shape[1] > side:
        x = np.stack([np.asarray(Image.fromarray(image).resize((side, side))) for image in x])
    side, rows = x.shape[1], -(-len(x) // COLUMNS)
    full = np.zeros((rows * COLUMNS, side, side), np.uint8)
    full[: len(x)] = x
    return full.reshape(rows, COLUMNS, side, side).swapaxes(1, 2).reshape(rows * side, COLUMNS * side)


def atlas(maps: Mapping[str, np.ndarray], groups: Groups, names: Sequence[str], rows: np.ndarray) -> dict[str, Any]:
    """What the page's script draws maps of: the images of these rows.

    maps: {name: (n, 2)}; names: n, what the images go by. Places are scaled to a square of 0 to 65535.
    """
    return {
        "columns": COLUMNS,
        "images": [names[row] for row in rows],
        "maps": {name: _packed(_scaled(places[rows])) for name, places in maps.items()},
        "groups": {what: _group(*group, rows) for what, group in groups.items()},
    }


def _group(names: Mapping[int, str], numbers: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    """The names that occur, which of them are drawn grey, those of negative numbers, and each row's place in them."""
    there = set(numbers.tolist())
    place = {number: place for place, number in enumerate(number for number in names if number in there)}
    return {
        "names": [names[number] for number in place],
        "grey": [place[number] for number in place if number < 0],
        "of": _packed(np.array([place[number] for number in numbers[rows].tolist()])),
    }


def _scaled(places: np.ndarray) -> np.ndarray:
    """Places, (n, 2), in the middle of a square of 0 to 65535, both axes by the same scale, the second upwards."""
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - (low + high) / 2) / max((high - low).max(), np.finfo(np.float32).tiny)
    return ((scaled * [1, -1] + 0.5) * 65535).round()


def _packed(numbers: np.ndarray) -> str:
    """Whole numbers of 0 to 65535 as uint16, little-endian, in base 64."""
    return base64.b64encode(numbers.astype("<u2").tobytes()).decode()
