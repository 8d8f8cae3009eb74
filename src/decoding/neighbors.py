"""Garments of images that are not public, by the public images that are nearest."""

import numpy as np
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.images.store import Images
from src.pipeline.files import UserError
from src.pipeline.schema import Count


@with_config(ConfigDict(extra="forbid", strict=True))
class Neighbors(TypedDict):
    """The block `neighbors` of decode: by how many principal components, and of how many images."""

    n_components: Count
    n_neighbors: Count


def nearest(x: np.ndarray, public: Images, *, n_components: Count, n_neighbors: Count) -> np.ndarray:
    """The garment that most of an image's nearest public training images show.

    (n, side, side) uint8, side that of the public images -> (n,) int64. Distances are those between the first principal
    components of the public training pixels. Raises UserError with fewer images or pixels than asked for.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier

    known, asked = (a.reshape(len(a), -1).astype(np.float32) for a in (public.x_train, x))
    for key, value, most in (
        ("n_components", n_components, min(known.shape)),
        ("n_neighbors", n_neighbors, len(known)),
    ):
        if value > most:
            raise UserError(
                f"params.yaml: decode.neighbors.{key}: must be at most {most}, all that the public images have. Got {value}."
            )
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(known)  # exact, and so the same every time
    classifier = KNeighborsClassifier(n_neighbors).fit(pca.transform(known), public.y_train)
    return classifier.predict(pca.transform(asked))
