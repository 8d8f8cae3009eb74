"""What images show that are not public, by the public images nearest to them."""

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


def predict_garments(x: np.ndarray, public: Images, *, n_components: Count, n_neighbors: Count) -> np.ndarray:
    """The garment that most of each image's nearest public training images show, as (n,) int64.

    x: (n, side, side) uint8, side that of the public images. Distances are those between the first principal components
    of the public training pixels. Raises UserError with fewer public images or pixels than asked for.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier

    pixels, unknown = (images.reshape(len(images), -1).astype(np.float32) for images in (public.x_train, x))
    for key, value, limit, what in (
        ("n_components", n_components, min(pixels.shape), "the pixels and images of the public data allow no more"),
        ("n_neighbors", n_neighbors, len(pixels), "there are no more public training images"),
    ):
        if value > limit:
            raise UserError(f"params.yaml: decode.neighbors.{key}: must be at most {limit} ({what}). Got {value}.")
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(pixels)  # exact, and so the same every time
    classifier = KNeighborsClassifier(n_neighbors).fit(pca.transform(pixels), public.y_train)
    return classifier.predict(pca.transform(unknown))
