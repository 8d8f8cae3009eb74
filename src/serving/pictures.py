"""Pictures of any kind as the network's images: grey, square, light on dark as Fashion-MNIST is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from src.images.pictures import as_files, border, open_grey, read_all

Ground = Literal["auto", "black", "white"]
MAX_GROUND = 26  # of 255: what is darker is ground


def read_picture(content: bytes, side: int, ground: Ground) -> np.ndarray:
    """The bytes of a picture -> (side, side) uint8. Raises ValueError with what is wrong with it.

    Turned upright, alpha over white, to grey, inverted if the ground is white (auto: if the median of its border is).
    A picture of another size is cut to what lies on the ground, as Fashion-MNIST's were, and shrunk or enlarged to fit,
    in the middle of a black square.
    """
    from PIL import Image, ImageOps

    grey = open_grey(content)
    if ground == "white" or (ground == "auto" and border(np.asarray(grey)) > 127):
        grey = ImageOps.invert(grey)
    if grey.size == (side, side):
        return np.asarray(grey)
    grey = grey.crop(grey.point([0] * MAX_GROUND + [255] * (256 - MAX_GROUND)).getbbox())
    return np.asarray(ImageOps.pad(grey, (side, side), Image.Resampling.LANCZOS, color=0))


def read_pictures(paths: Sequence[Path], side: int, ground: Ground) -> np.ndarray:
    """Picture files -> (n, side, side) uint8. Raises UserError that lists all files that cannot be read."""
    return np.stack(read_all(as_files(paths), lambda content: read_picture(content, side, ground)))
