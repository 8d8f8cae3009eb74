"""Pictures of any kind as the network's images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from src.images.fitting import Fit, fitted
from src.images.ground import border
from src.images.pictures import as_files, open_picture, read_all
from src.images.store import SIDE

Ground = Literal["auto", "black", "white"]
ModelFit = Fit | Literal["garment"]
FITS: tuple[ModelFit, ...] = (*get_args(Fit), "garment")
MAX_GROUND = 26  # of 255: what is darker is ground


class ModelImages(NamedTuple):
    """The images that a model takes.

    shape: of an image, (side, side) or, in color, (side, side, 3). fit: how a picture becomes one: as `fetch` made the
    training images of pictures, or, for `garment`, as Fashion-MNIST's were made.
    """

    shape: tuple[int, ...]
    fit: ModelFit


FASHION_MNIST = ModelImages((SIDE, SIDE), "garment")


def read_picture(content: bytes, images: ModelImages, ground: Ground) -> np.ndarray:
    """The bytes of a picture -> a uint8 image. Raises ValueError with what is wrong with it.

    Turned upright, alpha over white. For a model of garments, to grey, inverted if the ground is white (auto: if the
    median of its border is); a picture of another size is cut to what lies on the ground, as Fashion-MNIST's were, and
    shrunk or enlarged to fit, in the middle of a black square.
    """
    from PIL import Image, ImageOps

    side = images.shape[0]
    if images.fit != "garment":
        return fitted(open_picture(content, "rgb" if images.shape[2:] else "grey"), side, images.fit)
    grey = open_picture(content, "grey")
    if ground == "white" or (ground == "auto" and border(np.asarray(grey)) > 127):
        grey = ImageOps.invert(grey)
    if grey.size == (side, side):
        return np.asarray(grey)
    grey = grey.crop(grey.point([0] * MAX_GROUND + [255] * (256 - MAX_GROUND)).getbbox())
    return np.asarray(ImageOps.pad(grey, (side, side), Image.Resampling.LANCZOS, color=0))


def read_pictures(paths: Sequence[Path], images: ModelImages, ground: Ground) -> np.ndarray:
    """Picture files -> n uint8 images. Raises UserError that lists all files that cannot be read."""
    return np.stack(read_all(as_files(paths), lambda content: read_picture(content, images, ground)))
