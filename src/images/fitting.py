"""Pictures brought to one size."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from src.images.ground import border
from src.images.pictures import Color, File, open_picture, read_all
from src.images.store import MAX_SIDE
from src.pipeline.files import UserError
from src.pipeline.progress import track

Fit = Literal["pad", "crop", "stretch"]


def fitted(image: Any, side: int | None, fit: Fit) -> np.ndarray:
    """A Pillow image, grey or RGB -> (side, side) or (side, side, 3) uint8; with None as it is.

    Padded, it keeps the color of its border.
    """
    from PIL import Image, ImageOps

    if side is None or image.size == (side, side):
        return np.asarray(image)
    size, method = (side, side), Image.Resampling.BILINEAR
    if fit == "stretch":
        return np.asarray(image.resize(size, method))
    if fit == "crop":
        return np.asarray(ImageOps.fit(image, size, method))
    color = border(np.asarray(image)).round().astype(int)
    return np.asarray(ImageOps.pad(image, size, method, color=tuple(color.tolist()) if color.ndim else int(color)))


def read_fitted(files: Sequence[File], *, side: int | None, fit: Fit, color: Color) -> list[np.ndarray]:
    """The pictures in files as `fitted` makes them, with a bar on a terminal. Raises UserError that lists bad ones."""
    return read_all(track(files, "fetch: pictures"), lambda content: fitted(open_picture(content, color), side, fit))


def stack(names: list[str], images: list[np.ndarray]) -> np.ndarray:
    """Images of one size -> (n, side, side) or (n, side, side, 3) uint8. Raises UserError where they are not square."""
    height, width = images[0].shape[:2]
    if height != width:
        advice = "Set fetch.side to the side that they shall have."
        raise UserError(f"{names[0]}: pictures must be square. Got {width} x {height} pixels. {advice}")
    for name, image in zip(names, images, strict=True):
        if image.shape != images[0].shape:
            got = " x ".join(map(str, image.shape[1::-1]))
            advice = "Set fetch.side to the side that all shall have."
            raise UserError(f"{name}: must have {width} x {height} pixels, as {names[0]}. Got {got}. {advice}")
    if height > MAX_SIDE:
        advice = f"Set fetch.side to {MAX_SIDE} or less."
        must = f"must have at most {MAX_SIDE} x {MAX_SIDE} pixels"
        raise UserError(f"{names[0]}: {must}. Got {width} x {height}. {advice}")
    return np.stack(images)
