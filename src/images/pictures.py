"""Picture files: found in a folder, opened with limits, turned upright."""

import io
import os
import struct
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.pipeline.files import UserError
from src.pipeline.untrusted import shown

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")  # Pillow's others run programs or are rare
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
MAX_PIXELS = 50_000_000  # of a picture: what a few kilobytes may unpack to
MAX_SHOWN = 5  # unreadable files in a message
MAX_NAME = 200  # characters of one
Color = Literal["grey", "rgb"]
# what Pillow raises for broken files
DAMAGED = (OSError, SyntaxError, EOFError, IndexError, TypeError, KeyError, OverflowError, MemoryError, struct.error)
File = tuple[str, Callable[[], bytes]]  # its name, and a function that gives its content
MODES: dict[Color, str] = {"grey": "L", "rgb": "RGB"}  # Pillow's


def open_picture(content: bytes, color: Color) -> Any:
    """The bytes of a picture -> a Pillow image, grey or RGB, upright, alpha over white; of several frames the first.

    Raises ValueError with what is wrong with it.
    """
    from PIL import Image, ImageOps

    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged tags, of which nothing is read
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
        return _opaque(ImageOps.exif_transpose(image)).convert(MODES[color])
    except Image.UnidentifiedImageError:
        raise ValueError(f"is no picture in one of the formats {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise ValueError(f"has more than {MAX_PIXELS:,} pixels") from None
    except DAMAGED as error:
        raise ValueError(f"is damaged ({type(error).__name__})") from None


def _opaque(image: Any) -> Any:
    """A Pillow image of 8 bits, without transparency."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("has floating-point values, of which none is known to be white; save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # Pillow would cut, not scale, what has more than 8 bits
        values = np.asarray(image).astype(float)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("has values that are not those of a picture of 16 bits")
        # mode I is TIFF of 32 bits, which tells no white, or of 16 with a sign; PNG of 16 bits is I;16
        if image.mode == "I" and 0 < values.max() <= 255:
            raise ValueError("has more than 8 bits and no value above 255: white is unknown; save it with 8 or 16 bits")
        return Image.fromarray((values / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image


def read_all(files: Iterable[File], read: Callable[[bytes], np.ndarray]) -> list[np.ndarray]:
    """Each picture as `read` reads it, which raises ValueError with what is wrong.

    Raises UserError that lists all pictures that cannot be read.
    """
    images: list[np.ndarray] = []
    problems: list[str] = []
    for name, content in files:
        try:
            images.append(read(content()))
        except (ValueError, OSError) as error:
            known = name if name.isprintable() and len(name) <= MAX_NAME else shown(name)
            problems.append(f"{known} {error.strerror if isinstance(error, OSError) else error}")
    if problems:
        listed = "; ".join(problems[:MAX_SHOWN]) + ("; ..." if len(problems) > MAX_SHOWN else "")
        total = len(images) + len(problems)
        raise UserError(f"Pictures must be readable. {len(problems)} of {total} are not: {listed}.")
    return images


def find_pictures(folder: Path) -> list[Path]:
    """The picture files in a folder and the folders in it, by their suffix, sorted; hidden ones are left out.

    Raises UserError without any, and where a name is not UTF-8.
    """
    paths = sorted(path for path in folder.rglob("[!.]*") if path.suffix.lower() in SUFFIXES and path.is_file())
    names = {path: path.relative_to(folder) for path in paths}
    paths = [path for path, name in names.items() if not any(part.startswith(".") for part in name.parts)]
    for path in paths:
        check_name(folder, str(names[path]))
    if not paths:
        raise UserError(f"{folder}: must have pictures ({' '.join(sorted(SUFFIXES))}). Got none.")
    return paths


def check_name(folder: Path, name: str) -> None:
    """Raises UserError unless the name of what lies in a folder is UTF-8, as all files of results are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        got = shown(os.fsencode(name))
        raise UserError(f"{folder}: names must be UTF-8. Got {got}. Rename the file or folder.") from None


def as_files(paths: Sequence[Path]) -> list[File]:
    """Files for `read_all`."""
    return [(str(path), path.read_bytes) for path in paths]
