"""What the data is: the formats IDX, CSV and digits, and the checks that tell right content from wrong."""

import csv
import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from src import download
from src.stage import Count, UserError

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# SHA-256 of the decompressed files: packagers compress the same content differently.
FASHION_MNIST = {
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

Source = Literal["auto", "folder", "debian", "official", "apt", "csv", "digits"]


class Images(NamedTuple):
    """Labelled images: x (n, side, side) uint8, y (n,) int64. With `names`, names[y[i]] is what image i shows."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    names: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write an uncompressed .npz."""
        np.savez(path, **self._asdict())

    @classmethod
    def load(cls, path: str | Path) -> "Images":
        """Read what `save` wrote."""
        with np.load(path) as file:
            return cls(**{key: file[key] for key in cls._fields[:-1]}, names=tuple(file["names"].tolist()))


def data(*, source: Source, folder: str | None, limit: Count | None) -> tuple[Images, str]:
    """The images that the params block `data` asks for, and in words where they came from.

    `limit`: only so many of the first training images and of the first test images; None for all. Raises UserError.
    """
    images, origin = _all(source, folder)
    x_train, y_train, x_test, y_test = (array[:limit] for array in images[:4])
    return Images(x_train, y_train, x_test, y_test, images.names), origin


def _all(source: Source, folder: str | None) -> tuple[Images, str]:
    """All images of a source, and in words where they came from."""
    if source == "digits":
        return read_digits(), "scikit-learn's bundled digits, scaled up to 28 x 28"
    if source == "csv":
        if folder is None:
            raise UserError(
                "params.yaml: data.folder: must name the folder of the CSV files for data.source: csv. Got null."
            )
        return read_csv(Path(folder)), f"the CSV files in {folder}"
    return public(source=source, folder=folder)


def public(*, source: str, folder: str | None) -> tuple[Images, str]:
    """Fashion-MNIST, its content checked, and in words where it came from. Raises UserError."""
    content, origin = download.idx_files(list(FASHION_MNIST), verify, source=source, folder=folder)
    arrays = [parse_idx(content[name]) for name in FASHION_MNIST]
    return Images(arrays[0], arrays[1].astype(np.int64), arrays[2], arrays[3].astype(np.int64), GARMENTS), origin


def verify(name: str, raw: bytes, where: str) -> bytes:
    """The decompressed content of one of the four files. Raises UserError if it is not exactly Fashion-MNIST's."""
    try:
        content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, OSError, zlib.error):
        raise UserError(f"{where}: must be a whole gzip file. It is cut short or damaged; fetch it again.") from None
    found = hashlib.sha256(content).hexdigest()
    if found == FASHION_MNIST[name]:
        return content
    others = [other for other, known in FASHION_MNIST.items() if known == found]
    if others:
        what = f"It holds {others[0]}: the files are swapped"
    elif found in PLAIN_MNIST:
        what = "It is plain MNIST (handwritten digits)"
    elif not content:
        what = "It is empty"
    else:
        sums = f"SHA-256 {found} ({len(content)} bytes), not {FASHION_MNIST[name]}"
        what = f"Its content has {sums}: it is cut, changed or another file"
    raise UserError(f"{where}: must be Fashion-MNIST's {name}. {what}; fetch it again.")


def parse_idx(content: bytes) -> np.ndarray:
    """IDX bytes -> the uint8 array in them: two zero bytes, type 8 (uint8), rank, big-endian int32 sizes, values."""
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_digits() -> Images:
    """scikit-learn's 1,797 real 8x8 digit images, scaled to 28x28 by repeating pixels; the first 80 % for training."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    nearest = np.arange(28) * 8 // 28
    x = np.round(digits.images * 255 / 16).astype(np.uint8)[:, nearest][:, :, nearest]
    cut = len(x) * 4 // 5
    return Images(x[:cut], digits.target[:cut], x[cut:], digits.target[cut:], DIGITS)


def read_csv(folder: Path) -> Images:
    """Four files with a header line: x_train, x_test (an image a row, pixels 0..255), y_train, y_test (a label a row).

    Image side and classes come from the data. Raises UserError.
    """
    x_train, x_test = (_pixels(folder / f"{name}.csv") for name in ("x_train", "x_test"))
    y_train, y_test = (_labels(folder / f"{name}.csv") for name in ("y_train", "y_test"))
    for split, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise UserError(f"{folder}/y_{split}.csv: must have one label for each of {len(x)} images. Got {len(y)}.")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise UserError(
            f"{folder}/x_test.csv: must have {x_train[0].size} columns, as x_train.csv. Got {x_test[0].size}."
        )
    if strange := set(y_test.tolist()) - set(y_train.tolist()):
        raise UserError(f"{folder}/y_test.csv: must have only labels that y_train.csv has. Got {sorted(strange)}.")
    if len(set(y_train.tolist())) < 2:
        raise UserError(f"{folder}/y_train.csv: must have at least two labels. Got {sorted(set(y_train.tolist()))}.")
    return Images(x_train, y_train, x_test, y_test)


def _pixels(path: Path) -> np.ndarray:
    """(n, side * side) pixel rows of a CSV file -> (n, side, side) uint8."""
    values = _whole_numbers(path, low=0, high=255).astype(np.uint8)
    side = int(values.shape[1] ** 0.5)
    if side * side != values.shape[1]:
        raise UserError(
            f"{path}: must have side x side pixel columns, such as 784, and no other. Got {values.shape[1]}."
        )
    return values.reshape(-1, side, side)


def _labels(path: Path) -> np.ndarray:
    """The one column of a CSV file -> (n,) int64."""
    values = _whole_numbers(path, low=0, high=999)
    if values.shape[1] != 1:
        raise UserError(f"{path}: must have the labels in one column. Got {values.shape[1]} columns.")
    return values[:, 0].astype(np.int64)


def _whole_numbers(path: Path, *, low: int, high: int) -> np.ndarray:
    """The rows below the header line of a CSV file, each value a whole number in [low, high]. Raises UserError."""
    import pandas as pd

    try:
        frame: Any = pd.read_csv(path, low_memory=False, skip_blank_lines=False)
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found. data.folder must hold x_train.csv, y_train.csv, x_test.csv, y_test.csv."
        ) from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: must have a header line and rows. It is empty.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: must be CSV in UTF-8. It holds other bytes.") from None
    except pd.errors.ParserError as error:
        why = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UserError(f"{path}: must be CSV with equally long rows. {why}.") from None
    if len(set(header)) < len(header):  # a row of pixels nearly always repeats a value
        raise UserError(f"{path}: must begin with a header line of different names. Got {','.join(header[:5])}...")
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"{path}: rows must be as long as the header line ({frame.shape[1]} names). They are longer.")
    frame = frame[: frame.notna().any(axis=1).to_numpy().nonzero()[0].max(initial=-1) + 1]  # no blank lines at the end
    if frame.empty:
        raise UserError(f"{path}: must have rows below the header line. Got none.")
    numbers = frame.apply(pd.to_numeric, errors="coerce")
    fits = (numbers >= low) & (numbers <= high) & (numbers % 1 == 0)
    bad = ~fits.to_numpy() | [kind.kind == "b" for kind in frame.dtypes]
    if bad.any():
        row, column = np.argwhere(bad)[0]
        came = frame.iat[row, column]
        shown = "nothing (a short row or an empty cell)" if pd.isna(came) else str(came)
        where = f"{path}: line {row + 2}, column {column + 1}"
        raise UserError(f"{where}: must be a whole number from {low} to {high}. Got {shown}.")
    return numbers.to_numpy()
