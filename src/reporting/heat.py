"""Pictures of what a prediction depends on."""

import numpy as np

HEAT = np.array([214, 40, 20])  # red


def heat_picture(image: np.ndarray, fall: np.ndarray, *, negative: bool) -> np.ndarray:
    """An image in grey, red where hiding it lowers the probability of the answer: (side, side, 3) uint8.

    image: (side, side) or (side, side, 3) uint8. fall: (side, side), the fall of the probability; the largest one is
    fully red. negative: whether dark and light are exchanged.
    """
    grey = image if image.ndim == 2 else image.mean(axis=2)
    visible = (255 - grey if negative else grey)[..., None]
    strength = np.clip(fall, 0, None)[..., None]
    strength = 0.8 * strength / max(float(strength.max()), np.finfo(np.float32).tiny)
    blended: np.ndarray = ((1 - strength) * visible + strength * HEAT).round().astype(np.uint8)
    return blended
