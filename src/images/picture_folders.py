"""A user's own pictures in a folder for each class, as Keras and torchvision read them."""

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.images.fitting import Fit, read_fitted, stack
from src.images.pictures import Color, as_files, check_name, find_pictures
from src.images.store import Images, label
from src.pipeline.files import UserError
from src.pipeline.untrusted import check_file, shown

METADATA = "metadata.csv"
MAX_METADATA = 2**28  # bytes


class Files(NamedTuple):
    """Picture files and the label of each."""

    paths: list[Path]
    labels: list[str]


def read_folder(folder: Path, *, side: int | None, fit: Fit, color: Color, test_size: float, seed: int) -> Images:
    """Pictures in `folder/train/CLASS` and `folder/test/CLASS`, or in `folder/CLASS`, of which some are for testing.

    A file metadata.csv (file_name, label) may stand for the folders of classes. Images keep the names of their files;
    the seed shuffles them. side: of the images; with None all pictures must have one size. test_size: the share of each
    label that is for testing where no folder `test` is. Raises UserError.
    """
    if not folder.is_dir():
        raise UserError(f"params.yaml: fetch.folder: must be a folder of pictures. There is none: {folder}.")
    parts = {name: folder / name for name in ("train", "test")}
    if len({part.is_dir() for part in parts.values()}) == 2:
        raise UserError(f"{folder}: must have both folders `train` and `test`, or none of them. Got one.")
    if parts["train"].is_dir():
        train, test = (list_files(part) for part in parts.values())
    else:
        train, test = split(list_files(folder), test_size, seed)
    train, test = (shuffle(part, seed) for part in (train, test))
    files = as_files([*train.paths, *test.paths])
    x = stack([name for name, _ in files], read_fitted(files, side=side, fit=fit, color=color))
    n = len(train.paths)
    names = (tuple(path.relative_to(folder).as_posix() for path in part.paths) for part in (train, test))
    images = label(x[:n], np.array(train.labels), x[n:], np.array(test.labels))
    return images._replace(files_train=next(names), files_test=next(names))


def list_files(folder: Path) -> Files:
    """The pictures of a folder with their labels, in the order of their names. Raises UserError."""
    if (folder / METADATA).is_file():
        return _read_metadata(folder)
    labels = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not labels:
        raise UserError(f"{folder}: must have a folder for each class, or {METADATA}. Got neither.")
    for name in labels:
        check_name(folder, name)
    pairs = [(path, label) for label in labels for path in find_pictures(folder / label)]
    return Files([path for path, _ in pairs], [label for _, label in pairs])


def _read_metadata(folder: Path) -> Files:
    """The pictures that metadata.csv lists by `file_name`, with their `label`."""
    path = folder / METADATA
    check_file(path, max_bytes=MAX_METADATA)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: must be CSV in UTF-8. {str(error).capitalize()}.") from None
    if not rows or not {"file_name", "label"} <= rows[0].keys():
        got = shown(", ".join(map(str, rows[0]))) if rows else "no rows"
        raise UserError(f"{path}: must have rows, and the columns file_name and label. Got {got}.")
    top = folder.resolve()
    for line, row in enumerate(rows, 2):
        if not row["file_name"] or not row["label"]:
            raise UserError(f"{path}: line {line}: must have a file_name and a label.")
        if "\0" in row["file_name"] or not (folder / row["file_name"]).resolve().is_relative_to(top):
            raise UserError(f"{path}: line {line}: must name a file below {folder}. Got {shown(row['file_name'])}.")
    return Files([folder / row["file_name"] for row in rows], [row["label"] for row in rows])


def split(files: Files, test_size: float, seed: int) -> tuple[Files, Files]:
    """Training and test files: of each label the same share, as near as whole numbers allow. Raises UserError."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(files.paths))
    try:
        train, test = train_test_split(rows, test_size=test_size, stratify=files.labels, random_state=seed)
    except ValueError:  # a label has one picture, or nothing would be left on one side
        counts = Counter(files.labels)
        rarest = min(counts, key=lambda label: counts[label])
        must = "must leave pictures of each label for training and testing"
        got = f"{test_size} of {len(rows)} pictures, and {counts[rarest]} of label {shown(rarest)}"
        raise UserError(f"params.yaml: fetch.test_size: {must}. Got {got}.") from None
    return _pick(files, train), _pick(files, test)


def shuffle(files: Files, seed: int) -> Files:
    """The files in another order: the first ones of a folder would all have one label."""
    return _pick(files, np.random.default_rng(seed).permutation(len(files.paths)))


def _pick(files: Files, rows: np.ndarray) -> Files:
    return Files([files.paths[row] for row in rows], [files.labels[row] for row in rows])
