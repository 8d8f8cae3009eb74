"""What can be measured of an image without a model: how bright it is, how large what it shows, how like the others."""

import numpy as np

from src.images.ground import border
from src.pipeline.files import UserError

SEEN = 26  # of 255: what differs less from the ground belongs to it


def attributes(x: np.ndarray, x_train: np.ndarray, *, n_components: int, seed: int) -> dict[str, np.ndarray]:
    """Numbers of each image, (n,) float64 by the attribute's name.

    brightness: the mean of its values, in [0, 1]. size: the share of its pixels that differ from the ground, which is
    the median of its border. distance: to the nearest training image, by the first principal components of the
    training pixels, values in [0, 1]. Raises UserError where there are fewer components than asked for.
    """
    return {
        "brightness": x.reshape(len(x), -1).mean(axis=1) / 255,
        "size": np.array([share_seen(image) for image in x]),
        "distance": _nearest(x, x_train, n_components, seed),
    }


def share_seen(image: np.ndarray) -> float:
    """The share of an image's pixels that differ from its ground, in any channel."""
    differs = np.abs(image - border(image)) > SEEN
    return float((differs if differs.ndim == 2 else differs.any(axis=2)).mean())


def _nearest(x: np.ndarray, x_train: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    """The distance of each image to the nearest training image."""
    from sklearn.decomposition import PCA
    from sklearn.metrics import pairwise_distances_argmin_min

    pixels, trained = (images.reshape(len(images), -1).astype(np.float32) / 255 for images in (x, x_train))
    limit = min(trained.shape)
    if n_components > limit:
        must = f"must be at most {limit}, as the pixels and images allow no more"
        raise UserError(f"params.yaml: slices.n_components: {must}. Got {n_components}.")
    pca = PCA(n_components, random_state=seed).fit(trained)
    distances: np.ndarray = pairwise_distances_argmin_min(pca.transform(pixels), pca.transform(trained))[1]
    return distances.astype(float)
