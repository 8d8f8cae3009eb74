"""Hide the garments behind labels, split off validation data, and keep the garments away from all that learns."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.images import charts
from src.images.lookup import identify
from src.images.splits import SPLITS
from src.images.store import DIGITS, Images
from src.pipeline.files import UserError, atomic_write, write_csv, write_json
from src.pipeline.schema import Fraction, Seed

Groups = list[list[str]]


class Part(NamedTuple):
    """One split.

    x: (n, side, side) or (n, side, side, 3) uint8 images; y: (n,) int64 labels 0..k-1; garments: (n,) int64 what they
    show, or UNKNOWN or AMBIGUOUS; ids: (n,) str, as `image_ids` makes them.
    """

    x: np.ndarray
    y: np.ndarray
    garments: np.ndarray
    ids: np.ndarray


def prepare(
    images: Images, public: Images | None, *, groups: Groups, digit_groups: Groups, val_size: Fraction, seed: Seed
) -> tuple[dict[str, Part], list[str], list[str]]:
    """The splits train, val and test, the names of the labels and those of the garments.

    The split is scikit-learn's train_test_split, as in the notebook.
    Raises UserError where groups are not a partition of the names, or training images of a label are missing.
    """
    from sklearn.model_selection import train_test_split

    if images.names:
        key = "digit_groups" if images.names == DIGITS else "groups"
        label_of = labels_of(images.names, digit_groups if images.names == DIGITS else groups, key)
        labels = [str(label) for label in range(label_of.max() + 1)]
        names, garments = images.names, (images.y_train, images.y_test)
        y_train, y_test = label_of[images.y_train], label_of[images.y_test]
    else:
        values = np.unique(images.y_train)
        labels = [images.labels[value] if images.labels else str(value) for value in values]
        y_train, y_test = np.searchsorted(values, images.y_train), np.searchsorted(values, images.y_test)
        names = public.names if public else ()
        garments = identify(images.x_train, public), identify(images.x_test, public)
    try:
        train, val = train_test_split(np.arange(len(y_train)), test_size=val_size, random_state=seed)
    except ValueError:  # nothing would be left on one side
        train = val = np.array([], dtype=int)
    if len(set(y_train[train])) < len(labels):
        raise UserError(
            f"params.yaml: prepare.val_size: must leave training images of each of the {len(labels)} labels. "
            f"Got {val_size} of {len(y_train)} images, which leaves {len(train)} and not every label."
        )
    ids = image_ids("train", len(y_train), images.files_train)
    parts = {
        "train": Part(images.x_train[train], y_train[train], garments[0][train], ids[train]),
        "val": Part(images.x_train[val], y_train[val], garments[0][val], ids[val]),
        "test": Part(images.x_test, y_test, garments[1], image_ids("test", len(y_test), images.files_test)),
    }
    return parts, labels, list(names)


def image_ids(part: str, n: int, files: Sequence[str]) -> np.ndarray:
    """An id for each of n images: its place in a part of the data, and its file if it has one: `test 0 cat/1.png`."""
    return np.array([" ".join([part, str(row), *files[row : row + 1]]) for row in range(n)])


def labels_of(names: Sequence[str], groups: Groups, key: str = "groups") -> np.ndarray:
    """The label of each name, the position of its group: (len(names),) int64.

    Raises UserError unless the groups are a partition of the names.
    """
    listed = Counter(name for group in groups for name in group)
    problems = [f"{name!r} is missing" for name in names if name not in listed]
    problems += [f"{name!r} is listed {times} times" for name, times in listed.items() if times > 1 and name in names]
    problems += [f"{name!r} is unknown" for name in listed if name not in names]
    problems += [f"group {label} is empty" for label, group in enumerate(groups) if not group]
    problems += ["there are fewer than two groups"] * (len(groups) < 2)
    if problems:
        raise UserError(
            f"params.yaml: prepare.{key}: must have each of {', '.join(names)} once. "
            f"Got groups in which {'; '.join(problems)}."
        )
    label_of = {name: label for label, group in enumerate(groups) for name in group}
    return np.array([label_of[name] for name in names])


def subject(names: Sequence[str], garments: np.ndarray) -> str:
    """What the images show, as far as most of the (n,) garments are known: Fashion-MNIST, digits or unknown."""
    if not names or (garments >= 0).mean() < 0.5:
        return "unknown"
    return "digits" if tuple(names) == DIGITS else "Fashion-MNIST"


def save(splits: dict[str, Part], labels: list[str], names: list[str]) -> None:
    """Write data/{train,val,test}.npz for stages that learn, data/{garments,image_ids}.npz for those that check."""
    for split, part in splits.items():
        with atomic_write(f"data/{split}.npz") as file:
            np.savez(file, allow_pickle=False, x=part.x, y=part.y, labels=np.array(labels))
    with atomic_write("data/garments.npz") as file:
        by_split = {split: part.garments for split, part in splits.items()}
        np.savez(file, allow_pickle=False, names=np.array(names, dtype=str), **by_split)
    with atomic_write("data/image_ids.npz") as file:
        np.savez(file, allow_pickle=False, **{split: part.ids for split, part in splits.items()})


def main(params: dict[str, Any]) -> None:
    """data/raw -> the splits in data/, and how many images of each label they have."""
    path = Path("data/raw/public.npz")
    public = Images.load(path) if path.exists() else None
    splits, labels, names = prepare(Images.load("data/raw/images.npz"), public, **params["prepare"])
    save(splits, labels, names)
    counts: dict[str, dict[str, int]] = {
        split: dict(zip(labels, np.bincount(splits[split].y, minlength=len(labels)).tolist(), strict=True))
        for split in SPLITS
    }
    write_csv(
        "metrics/prepare/class_counts.csv",
        [
            {"split": split, "label": label, "count": count}
            for split, by_label in counts.items()
            for label, count in by_label.items()
        ],
    )
    charts.class_counts("metrics/prepare/class_counts.png", counts)
    report = {"subject": subject(names, splits["test"].garments), "labels": labels, "counts": counts}
    write_json("metrics/prepare/splits.json", report)
    print(f"prepare: {', '.join(f'{len(splits[split].y):,} {split}' for split in SPLITS)} images, {len(labels)} labels")
