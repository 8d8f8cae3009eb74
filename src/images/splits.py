"""The splits on disk, as `prepare` left them: the only reader of data/{train,val,test,garments,image_ids}.npz."""

from typing import NamedTuple

import numpy as np

from src.pipeline.schema import Split
from src.pipeline.untrusted import read_arrays

SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Labelled(NamedTuple):
    """Images x, (n, side, side) or (n, side, side, 3) uint8, and the numbers of their labels y, (n,) int64."""

    x: np.ndarray
    y: np.ndarray


def read(split: Split) -> Labelled:
    """Images and labels of a split; `all`: those of train, val and test, one after the other."""
    return Labelled(np.concatenate([read_arrays(f"data/{part}.npz", "x")["x"] for part in parts(split)]), labels(split))


def labels(split: Split) -> np.ndarray:
    """The numbers of the labels alone, (n,) int64: the images are not read."""
    return np.concatenate([read_arrays(f"data/{part}.npz", "y")["y"] for part in parts(split)])


def class_names() -> list[str]:
    """The name of each label, by its number; as many as there are classes."""
    names: list[str] = read_arrays("data/train.npz", "labels")["labels"].tolist()
    return names


def garments(split: Split) -> np.ndarray:
    """What each image shows, (n,) int64 numbers of `garment_names`, negative where it is not known.

    For stages that check, never for those that learn.
    """
    file = read_arrays("data/garments.npz")
    return np.concatenate([file[part] for part in parts(split)])


def garment_names() -> list[str]:
    """The names of what the images show, by number; none where nothing is known of it."""
    names: list[str] = read_arrays("data/garments.npz", "names")["names"].tolist()
    return names


def image_ids(split: Split) -> list[str]:
    """Each image's id: its place in the data given to `prepare`, and its file if it has one: `train 0 cat/1.png`."""
    ids = read_arrays("data/image_ids.npz")
    return [image_id for part in parts(split) for image_id in ids[part].tolist()]


def parts(split: Split) -> tuple[Split, ...]:
    """The splits that a split consists of."""
    return SPLITS if split == "all" else (split,)
