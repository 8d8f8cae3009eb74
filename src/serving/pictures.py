"""Pictures of any kind as the network's images: grey, square, light on dark as Fashion-MNIST is."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.pipeline.files import UserError

Ground = Literal["auto", "black", "white"]
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")  # Pillow's others run programs or are rare
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
MAX_PIXELS = 50_000_000  # of a picture: what a few kilobytes may unpack to
MAX_GROUND = 26  # of 255: what is darker is ground
MAX_SHOWN = 10  # unreadable files in a message


def read_picture(content: bytes, side: int, ground: Ground) -> np.ndarray:
    """The bytes of a picture -> (side, side) uint8. Raises ValueError with what is wrong with it.

    Turned upright, alpha over white, to grey, inverted if the ground is white (auto: if the median of its border is).
    A picture of another size is cut to what lies on the ground, as Fashion-MNIST's were, and shrunk or enlarged to fit,
    in the middle of a black square.
    """
    from PIL import Image, ImageOps

    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged tags, of which nothing is read
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
        grey = Image.fromarray(_to_grey(ImageOps.exif_transpose(image)))
    except Image.UnidentifiedImageError:
        raise ValueError(f"is no picture in one of the formats {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise ValueError(f"has more than {MAX_PIXELS:,} pixels") from None
    except (OSError, SyntaxError, EOFError, IndexError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise ValueError(f"is damaged ({type(error).__name__})") from None  # what Pillow raises for broken files
    if ground == "white" or (ground == "auto" and border(np.asarray(grey)) > 127):
        grey = ImageOps.invert(grey)
    if grey.size == (side, side):
        return np.asarray(grey)
    grey = grey.crop(grey.point([0] * MAX_GROUND + [255] * (256 - MAX_GROUND)).getbbox())
    return np.asarray(ImageOps.pad(grey, (side, side), Image.Resampling.LANCZOS, color=0))


def _to_grey(image: Any) -> np.ndarray:
    """A Pillow image -> (height, width) uint8."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # Pillow would cut, not scale, what has more than 8 bits
        values = np.asarray(image).astype(float)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 65535:
            raise ValueError("has values that are not those of a picture of 16 bits")
        return (values / 257).round().astype(np.uint8)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(image.convert("L"))


def border(grey: np.ndarray) -> float:
    """The median of the outermost pixels of a (height, width) image."""
    edges = grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]
    return float(np.median(np.concatenate(edges)))


def read_pictures(paths: Sequence[Path], side: int, ground: Ground) -> np.ndarray:
    """Picture files -> (n, side, side) uint8. Raises UserError that lists all files that cannot be read."""
    images, problems = [], []
    for path in paths:
        try:
            images.append(read_picture(path.read_bytes(), side, ground))
        except (ValueError, OSError) as error:
            problems.append(f"{path} {error.strerror if isinstance(error, OSError) else error}")
    if problems:
        listed = "; ".join(problems[:MAX_SHOWN]) + ("; ..." if len(problems) > MAX_SHOWN else "")
        raise UserError(f"Pictures must be readable. {len(problems)} of {len(paths)} are not: {listed}.")
    return np.stack(images)


def find_pictures(folder: Path) -> list[Path]:
    """The picture files in a folder and the folders in it, by their suffix, sorted. Raises UserError without any."""
    paths = sorted(path for path in folder.rglob("[!.]*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise UserError(f"{folder}: must have pictures ({' '.join(sorted(SUFFIXES))}). Got none.")
    return paths
