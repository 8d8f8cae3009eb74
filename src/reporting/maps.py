"""The dots of the page's maps and the sheet of their images, as text for a page that is one file."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

import numpy as np

COLUMNS = 100  # images in a row of the sheet
N_NEAREST = 8  # images shown beside one


class Grouping(NamedTuple):
    """A way to colour images: {number: its name}, and each image's number, (n,) ints; negative ones are drawn grey."""

    names: Mapping[int, str]
    numbers: np.ndarray


class Embedded(NamedTuple):
    """The n embedded images.

    x: (n, side, side) or (n, side, side, 3) uint8. features: (n, d), what the encoder computes. ids: n names.
    maps: {name: (n, 2) places}. groupings: by what they are coloured. y: (n,) true labels. predicted: {model: (n,)
    labels}. confidence: (n,) float in [0, 1], the encoder's. tested: (n,) bool, whether an image is a test image.
    """

    x: np.ndarray
    features: np.ndarray
    ids: Sequence[str]
    maps: Mapping[str, np.ndarray]
    groupings: Mapping[str, Grouping]
    y: np.ndarray
    predicted: Mapping[str, np.ndarray]
    confidence: np.ndarray
    tested: np.ndarray


class PackedGrouping(TypedDict):
    """The names that occur, the places among them that are drawn grey, and each dot's place, packed."""

    names: list[str]
    grey: list[int]
    places: str


class Atlas(TypedDict):
    """What the page's scripts draw maps and galleries of; texts of arrays are as `pack` makes them."""

    columns: int
    images: list[str]
    maps: dict[str, str]
    nearest: str
    groupings: dict[str, PackedGrouping]
    y: str
    predicted: dict[str, str]
    permille: str
    tested: str


def pick(n: int, max_points: int) -> np.ndarray:
    """The rows of at most `max_points` of n images, at equal steps from the first to the last: (k,) int64."""
    return np.linspace(0, n - 1, min(max_points, n)).round().astype(np.int64)


def make_atlas(embedded: Embedded, rows: np.ndarray) -> Atlas:
    """The atlas of these rows, (k,) ints, of the embedded images."""
    return {
        "columns": COLUMNS,
        "images": [embedded.ids[row] for row in rows],
        "maps": {name: pack(scale(places[rows])) for name, places in embedded.maps.items()},
        "nearest": pack(nearest(embedded.features[rows])),
        "groupings": {name: pack_grouping(grouping, rows) for name, grouping in embedded.groupings.items()},
        "y": pack(embedded.y[rows]),
        "predicted": {model: pack(labels[rows]) for model, labels in embedded.predicted.items()},
        "permille": pack((1000 * embedded.confidence[rows]).round()),
        "tested": pack(embedded.tested[rows]),
    }


def nearest(features: np.ndarray) -> np.ndarray:
    """The rows of the N_NEAREST other images whose (n, d) features are nearest, nearest first: (n, k) ints.

    k is smaller where there are fewer other images. Of images with equal features, any comes first.
    """
    from sklearn.neighbors import NearestNeighbors

    k = min(N_NEAREST, len(features) - 1)
    if k == 0:
        return np.empty((len(features), 0), dtype=int)
    rows: np.ndarray = NearestNeighbors(n_neighbors=k).fit(features).kneighbors(return_distance=False)  # not itself
    return rows


def make_sheet(x: np.ndarray, side: int) -> np.ndarray:
    """Images (n, s, s) or (n, s, s, 3) uint8, shrunk to `side` where s is larger, as one image, COLUMNS in a row."""
    from PIL import Image

    if x.shape[1] > side:
        x = np.stack([np.asarray(Image.fromarray(image).resize((side, side))) for image in x])
    side, height = x.shape[1], -(-len(x) // COLUMNS)
    full = np.zeros((height * COLUMNS, *x.shape[1:]), np.uint8)
    full[: len(x)] = x
    rows = full.reshape(height, COLUMNS, *x.shape[1:]).swapaxes(1, 2)
    return rows.reshape(height * side, COLUMNS * side, *x.shape[3:])


def data_uri(x: np.ndarray) -> str:
    """A (rows, columns) uint8 image, 0 black, or (rows, columns, 3), as a PNG in a data address."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(x).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def pack_grouping(grouping: Grouping, rows: np.ndarray) -> PackedGrouping:
    """A grouping of these rows; names keep their order, and those that no image has are left out."""
    present = set(grouping.numbers.tolist())
    numbers = [number for number in grouping.names if number in present]
    place = {number: index for index, number in enumerate(numbers)}
    return {
        "names": [grouping.names[number] for number in numbers],
        "grey": [place[number] for number in numbers if number < 0],
        "places": pack(np.array([place[number] for number in grouping.numbers[rows].tolist()])),
    }


def scale(places: np.ndarray) -> np.ndarray:
    """Places, (n, 2), in the middle of a square of 0 to 65535, both axes by the same scale, the second upwards."""
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - (low + high) / 2) / max((high - low).max(), np.finfo(np.float32).tiny)
    return ((scaled * [1, -1] + 0.5) * 65535).round()


def pack(numbers: np.ndarray) -> str:
    """Whole numbers of 0 to 65535 as uint16, little-endian, in base 64."""
    return base64.b64encode(numbers.astype("<u2").tobytes()).decode()
