"""Images looked up among the public ones, pixel by pixel."""

import numpy as np

from src.images.store import AMBIGUOUS, UNKNOWN, Images


def identify(x: np.ndarray, public: Images | None) -> np.ndarray:
    """The garment of each image by exact match of all its pixels with a public image, training or test.

    n uint8 images -> (n,) int64: its number, AMBIGUOUS where equal public images differ, UNKNOWN without one.
    """
    known: dict[bytes, int] = {}
    for images, garments in ((public.x_train, public.y_train), (public.x_test, public.y_test)) if public else ():
        for image, garment in zip(images, garments.tolist(), strict=True):
            if known.setdefault(image.tobytes(), garment) != garment:
                known[image.tobytes()] = AMBIGUOUS
    return np.array([known.get(image.tobytes(), UNKNOWN) for image in x])
