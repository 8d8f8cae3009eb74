"""What images show that are not public, by the public images nearest to them, and the mapping that this claims.

Tables are counts of images, (garments, labels).
"""

from typing import NamedTuple

import numpy as np
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.decoding.counts import apportion, cohen_kappa
from src.decoding.mapping import UNDECIDED, claim, label_transfers
from src.decoding.records import Claims, Names
from src.images.store import Images
from src.pipeline.files import UserError
from src.pipeline.schema import Count

ROUNDS = 200  # of `unfold`; twice as many move no share by 0.1 points, even if 30 % of the nearest images mislead


@with_config(ConfigDict(extra="forbid", strict=True))
class Neighbors(TypedDict):
    """The block `neighbors` of decode: by how many principal components, and of how many images."""

    n_components: Count
    n_neighbors: Count


class Nearest(NamedTuple):
    """The garment that each image's nearest public images show, (n,) int64, and how often that is right.

    confusion: (garments, garments) public test images by what they show and what their nearest ones show.
    """

    garments: np.ndarray
    confusion: np.ndarray


def predict_garments(x: np.ndarray, public: Images, *, n_components: Count, n_neighbors: Count) -> Nearest:
    """The garment that most of each image's nearest public training images show.

    x: (n, side, side) uint8, scaled to the side of the public images. Distances are those between the first principal
    components of the public training pixels. Raises UserError with fewer public images or pixels than asked for.
    """
    from sklearn.decomposition import PCA
    from sklearn.metrics import confusion_matrix
    from sklearn.neighbors import KNeighborsClassifier

    def flat(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32)

    pixels = flat(public.x_train)
    for key, value, limit, what in (
        ("n_components", n_components, min(pixels.shape), "the pixels and images of the public data allow no more"),
        ("n_neighbors", n_neighbors, len(pixels), "there are no more public training images"),
    ):
        if value > limit:
            raise UserError(f"params.yaml: decode.neighbors.{key}: must be at most {limit} ({what}). Got {value}.")
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(pixels)  # exact, and so the same every time
    classifier = KNeighborsClassifier(n_neighbors).fit(pca.transform(pixels), public.y_train)
    tested = classifier.predict(pca.transform(flat(public.x_test)))
    confusion = confusion_matrix(public.y_test, tested, labels=range(len(public.names)))
    return Nearest(classifier.predict(pca.transform(flat(scale(x, public.x_train.shape[1])))), confusion)


def scale(x: np.ndarray, side: int) -> np.ndarray:
    """Images scaled to another side, bilinearly: (n, any, any) uint8 -> (n, side, side) uint8."""
    from PIL import Image

    if x.shape[1] == side:
        return x
    size, method = (side, side), Image.Resampling.BILINEAR
    return np.array([np.asarray(Image.fromarray(image).resize(size, method)) for image in x])


def unfold(table: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """The table of what images show, estimated from that of what their nearest ones do: both (garments, labels).

    The most likely one, if images are taken for others as often as in `confusion`: Richardson's and Lucy's iterations,
    which are the EM algorithm of this model.
    """
    taken_for = ((confusion + 1) / (confusion + 1).sum(axis=1, keepdims=True)).T  # columns: what images show
    estimate = np.full(table.shape, table.sum() / table.size)
    for _ in range(ROUNDS):
        expected = taken_for @ estimate
        estimate = estimate * (taken_for.T @ np.divide(table, expected, out=np.zeros(table.shape), where=expected > 0))
    return estimate


def claim_whole(
    table: np.ndarray, confusion: np.ndarray, names: Names, least_noise: float, min_kappa: float, confidence: float
) -> tuple[Claims, list[str]]:
    """The mapping that a table of what the nearest images show claims, all garments or none, and objections to it."""
    claims = claim({"test": unfold(table, confusion)}, names.labels, least_noise, confidence)
    kappa = cohen_kappa(label_transfers(table, claims.likeliest)) or 0
    sizes = apportion(table.sum(axis=0), len(table))
    objections = [f"{names.garments[garment]} has no label ({why})" for garment, why in claims.reasons.items()]
    if not table.any(axis=1).all():
        objections.append("not every garment is shown by nearest images")
    if (np.bincount(claims.likeliest, minlength=len(sizes)) != sizes).any():
        objections.append("it does not fit the number of images of each label")
    if kappa < min_kappa:
        objections.append(f"the labels agree with it by a kappa of {kappa:.2f} only; decode.min_kappa is {min_kappa}")
    if objections:
        mapping = np.full(len(table), UNDECIDED)
        reasons = {garment: claims.reasons.get(garment, "the mapping is not claimed") for garment in range(len(table))}
        claims = claims._replace(mapping=mapping, reasons=reasons)
    return claims, objections
