"""Garments of images that are not public, by the public images that are nearest."""

import numpy as np

from src.data import Images
from src.stage import Count, UserError


def nearest(x: np.ndarray, public: Images, *, components: Count, neighbors: Count) -> np.ndarray:
    """The garment that most of an image's nearest public training images show.

    (n, side, side) uint8, side that of the public images -> (n,) int64. Distances are those between the first principal
    components of the public training pixels. Raises UserError with fewer images or pixels than asked for.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier

    known, asked = (a.reshape(len(a), -1).astype(np.float32) for a in (public.x_train, x))
    for key, value, most in (("components", components, min(known.shape)), ("neighbors", neighbors, len(known))):
        if value > most:
            raise UserError(
                f"params.yaml: nearest.{key}: must be at most {most}, all that the public images have. Got {value}."
            )
    pca = PCA(components, svd_solver="covariance_eigh").fit(known)  # exact, and so the same every time
    classifier = KNeighborsClassifier(neighbors).fit(pca.transform(known), public.y_train)
    return classifier.predict(pca.transform(asked))
