"""Fashion-MNIST: its four IDX files, known by their content."""

import gzip
import hashlib
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np

from src.images.download import download
from src.images.store import GARMENTS, Images
from src.pipeline.files import UserError
from src.pipeline.untrusted import check_file

MAX_BYTES = 50_000_000  # of a file: the largest of the four has 47,040,016
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist

# SHA-256 of the decompressed files: packagers compress the same content differently.
FILES = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
PLAIN_MNIST = {
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def fashion_mnist(folder: Path | None) -> tuple[Images, str]:
    """Fashion-MNIST, its content checked, and where it lies; without a folder, Debian's or a download.

    The four files may be compressed (.gz) or not; they are only read. Raises UserError.
    """
    if folder is None and not DEBIAN_FOLDER.is_dir():
        content, origin = download(list(FILES), verify)
    else:
        content, origin = _from_folder(folder or DEBIAN_FOLDER), str(folder or DEBIAN_FOLDER)
    x_train, y_train, x_test, y_test = (parse_idx(content[name]) for name in FILES)
    return Images(x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64), GARMENTS), origin


def _from_folder(folder: Path) -> dict[str, bytes]:
    """The checked content of the four files in a folder. Raises UserError."""
    content = {}
    for name in FILES:
        path = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
        if path is None:
            raise UserError(f"{folder}: must have Fashion-MNIST's four files. Got no {name}[.gz]; see fetch.folder.")
        check_file(path, max_bytes=MAX_BYTES)
        content[name] = verify(name, path.read_bytes(), str(path))
    return content


def verify(name: str, raw: bytes, where: str) -> bytes:
    """The decompressed content of one of the four files. Raises UserError if it is not exactly Fashion-MNIST's."""
    try:
        content = gzip.GzipFile(fileobj=BytesIO(raw)).read(MAX_BYTES + 1) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, OSError, zlib.error):
        raise UserError(f"{where}: must be a whole gzip file. It is cut short or damaged; fetch it again.") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest == FILES[name]:
        return content
    matching_names = [file for file, known in FILES.items() if known == digest]
    if matching_names:
        what = f"It holds {matching_names[0]}: the files are swapped"
    elif digest in PLAIN_MNIST:
        what = "It is plain MNIST (handwritten digits)"
    elif not content:
        what = "It is empty"
    elif len(content) > MAX_BYTES:
        what = f"It has more than {MAX_BYTES:,} bytes"
    else:
        sums = f"SHA-256 {digest} ({len(content)} bytes), not {FILES[name]}"
        what = f"Its content has {sums}: it is cut, changed or another file"
    raise UserError(f"{where}: must be Fashion-MNIST's {name}. {what}; fetch it again.")


def parse_idx(content: bytes) -> np.ndarray:
    """IDX bytes -> the uint8 array in them: two zero bytes, type 8 (uint8), rank, big-endian int32 sizes, values."""
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
