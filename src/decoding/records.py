"""Records of a decoding, as metrics/decode/decoding.json has them."""

from typing import Literal, NamedTuple, TypedDict

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


class Claims(NamedTuple):
    """A mapping, (garments,) labels or UNDECIDED, and what it rests on.

    likeliest: (garments,) labels, claimed or not; margin: (garments,) logarithms of their likelihood ratios to what
    explains the images best beside them; reasons: {garment: why it has no label}.
    """

    mapping: np.ndarray
    likeliest: np.ndarray
    margin: np.ndarray
    reasons: dict[int, str]


class GarmentEvidence(Proportion):
    """The share of a garment's images that bear its label, and that of the label that most of the others bear.

    log10_ratio: logarithm of the likelihood ratio of the garment's label to what explains its images best beside it.
    """

    next_label: str
    next_share: float
    log10_ratio: float


class LabelEvidence(TypedDict):
    """The garments of a label, its purity, and what the images of each of these garments bear."""

    garments: list[str]
    purity: Proportion
    evidence: dict[str, GarmentEvidence]


class LabelException(TypedDict):
    """An image that bears another label than is expected, its garment's; `train 0` is row 0 of your training images."""

    image: str
    split: str
    garment: str
    label: str
    expected: str


class Exceptions(TypedDict):
    """How many exceptions there are, and all of them or, in decoding.json, the first."""

    total: int
    listed: list[LabelException]


class Decoding(TypedDict):
    """What the labels stand for, {label: evidence}, and how sure that is.

    by: how it is known what the images show. undecided: {garment: why it has no label}. kappa: Cohen's, of the labels
    and those of the images' garments. doubts: why it is not certified. hints: what may be wrong with the files.
    known: of each split. count_check: {"training" or "test": {label: count}}, empty without public data.
    """

    by: Literal["look-up", "nearest images"]
    certified: bool
    doubts: list[str]
    decoding: dict[str, LabelEvidence]
    undecided: dict[str, str]
    kappa: float | None
    hints: list[str]
    known: dict[str, Coverage]
    count_check: dict[str, dict[str, LabelCount]]
    exceptions: Exceptions
    mappings_that_fit_the_counts: int | None


class WrittenLabel(TypedDict):
    """A label as it was decoded in 2022 beside this decoding, and beside the number of its test images in 2022."""

    written: list[str]
    only_written: list[str]
    only_decoded: list[str]
    written_images: int
    published_images: int
    written_fits_its_counts: bool
