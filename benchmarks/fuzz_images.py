"""The readers of a user's own images, for benchmarks/fuzz.py."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.images.packed import read_npz, read_parquet
from src.images.picture_folders import METADATA, read_folder
from src.images.store import Images

X = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3)
Y = np.array([4, 0, 4, 0])
SETTINGS: Any = {"side": 3, "fit": "pad", "color": "rgb", "test_size": 0.5, "seed": 0}
TABLE = b"file_name,label\n0.png,a\n1.png,b\n2.png,a\n3.png,b\n"


def picture(number: int) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    Image.fromarray(X[number]).save(file, "PNG")
    return file.getvalue()


def npz() -> list[bytes]:
    """Files as Keras's data sets are distributed: numbers as labels, and words."""
    files = []
    for save, y in ((np.savez, Y), (np.savez_compressed, Y.astype(str))):
        file = io.BytesIO()
        save(file, x_train=X[:3], y_train=y[:3], x_test=X[3:], y_test=y[3:])
        files.append(file.getvalue())
    return files


def read_own_npz(raw: bytes, folder: Path) -> Images:
    """The input as fetch's .npz file."""
    (folder / "a.npz").write_bytes(raw)
    return read_npz(folder / "a.npz")


def parquet() -> list[bytes]:
    """A file with bytes as images, and one as Hugging Face writes them."""
    import pyarrow
    from pyarrow import parquet

    contents = [picture(number) for number in range(3)]
    files = []
    for images in (contents, [{"bytes": content, "path": None} for content in contents]):
        file = io.BytesIO()
        parquet.write_table(pyarrow.table({"image": images, "label": Y[:3]}), file)
        files.append(file.getvalue())
    return files


def read_own_parquet(raw: bytes, folder: Path) -> Images:
    """The input as the training file, beside a valid test file."""
    (folder / "train.parquet").write_bytes(raw)
    (folder / "test.parquet").write_bytes(parquet()[0])
    return read_parquet(folder, **{key: SETTINGS[key] for key in ("side", "fit", "color")})


def read_own_folder(raw: bytes, folder: Path) -> Images:
    """The input as the table of labels, or as the first of four pictures that a valid table lists."""
    is_table = raw[:1].isalpha()
    (folder / METADATA).write_bytes(raw if is_table else TABLE)
    for number in range(4):
        content = raw if number == 0 and not is_table else picture(number)
        (folder / f"{number}.png").write_bytes(content)
    return read_folder(folder, **SETTINGS)
