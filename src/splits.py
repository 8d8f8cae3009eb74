"""Images, labels and garments of a split as `prepare` left them, or of all."""

from typing import Literal

import numpy as np

Name = Literal["train", "val", "test", "all"]  # all: the others one after the other

SPLITS: tuple[Name, ...] = ("train", "val", "test")


def read(split: Name, key: Literal["x", "y"]) -> np.ndarray:
    """The images x, (n, side, side) uint8, or the numbers of their labels y, (n,) int64."""
    return np.concatenate([np.load(f"data/{part}.npz")[key] for part in parts(split)])


def garments(split: Name) -> np.ndarray:
    """The garments' numbers, (n,) int64, negative where it is not known; for those who check, never those who learn."""
    file = np.load("data/garments.npz")
    return np.concatenate([file[part] for part in parts(split)])


def given(split: Name) -> list[str]:
    """What the images go by among those that `prepare` was given: `train 0` is the first training image."""
    rows = np.load("data/rows.npz")
    return [f"{'test' if part == 'test' else 'train'} {row}" for part in parts(split) for row in rows[part]]


def parts(split: Name) -> tuple[Name, ...]:
    """The splits that a split consists of."""
    return SPLITS if split == "all" else (split,)
