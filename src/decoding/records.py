"""Records of a decoding, as metrics/decode/decoding.json has them."""

from typing import NamedTuple, TypedDict

import numpy as np


class Names(NamedTuple):
    """The names of the labels and of the garments, by number; no garments where nothing is known of them."""

    labels: list[str]
    garments: list[str]


class SplitLabels(NamedTuple):
    """A split without its images.

    y: (n,) int64 numbers of the labels; garments: (n,) int64 what the images show, or AMBIGUOUS or UNKNOWN; ids: n
    names of images, such as `train 0`.
    """

    y: np.ndarray
    garments: np.ndarray
    ids: list[str]


class Coverage(TypedDict):
    """How many images there are, are known, equal public images whose garments differ, and equal none."""

    images: int
    known: int
    ambiguous: int
    unknown: int


class Proportion(TypedDict):
    """The share of `images` with some property, in [0, 1] or None without images, and its interval [low, high]."""

    images: int
    share: float | None
    interval: list[float]


class LabelCount(TypedDict):
    """The images of a label, the number expected from its garments, the bounds low..high, and whether it is in them."""

    images: int
    expected: float
    low: int
    high: int
    agrees: bool


class LabelEvidence(TypedDict):
    """The garments of a label, its purity, and by garment the share of known images that bear the label."""

    garments: list[str]
    purity: Proportion
    evidence: dict[str, Proportion]


class LabelException(TypedDict):
    """An image that bears another label than its garment's."""

    image: str
    split: str
    garment: str
    label: str


class Exceptions(TypedDict):
    """How many exceptions there are, and all of them or, in decoding.json, the first."""

    total: int
    listed: list[LabelException]


class MappingChoice(NamedTuple):
    """The best mapping and the runner-up, (garments,) labels each, and what speaks for the best and against it."""

    best: np.ndarray
    runner_up: np.ndarray
    agreement: Proportion
    margin: int
    contested: Proportion
    doubts: list[str]


class Prediction(TypedDict):
    """`MappingChoice` with names: best {label: garments}, and what the runner-up moves, {garment: label}."""

    best: dict[str, list[str]]
    runner_up: dict[str, str]
    agreement: Proportion
    margin: int
    contested: Proportion
    doubts: list[str]


class Decoding(TypedDict):
    """What the labels stand for, {label: evidence}, and how sure that is.

    known: of each split; count_check: {"training" or "test": {label: count}}, empty without public data.
    """

    certified: bool
    decoding: dict[str, LabelEvidence]
    undecided: list[str]
    known: dict[str, Coverage]
    count_check: dict[str, dict[str, LabelCount]]
    exceptions: Exceptions
    mappings_that_fit_the_counts: int | None
    prediction: Prediction | None


class WrittenLabel(TypedDict):
    """A label as it was decoded in 2022 beside this decoding, and beside the number of its test images in 2022."""

    written: list[str]
    only_written: list[str]
    only_decoded: list[str]
    written_images: int
    published_images: int
    written_fits_its_counts: bool
