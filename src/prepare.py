"""Hide the garments behind labels, split off validation data, and keep the garments away from all that learns."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src import plots
from src.data import DIGITS, Images
from src.stage import Fraction, Seed, UserError, run, write_csv, write_json, writing

UNKNOWN, AMBIGUOUS = -1, -2  # in place of a garment's number

Groups = list[list[str]]


def prepare(
    images: Images, public: Images | None, *, groups: Groups, digit_groups: Groups, val_size: Fraction, seed: Seed
) -> dict[str, Any]:
    """Labels and a train/validation split.

    Returns for each of train, val and test {"x": (n, side, side) uint8, "y": (n,) int64 in 0..k-1, "garments": (n,)
    int64, "rows": (n,) int64, where it lies among the training or test images}, and the names of "labels" and
    "garments". The split is scikit-learn's train_test_split, as in the notebook.
    Raises UserError where groups are not a partition of the names.
    """
    from sklearn.model_selection import train_test_split

    if images.names:
        key = "digit_groups" if images.names == DIGITS else "groups"
        label_of = labels_of(images.names, digit_groups if images.names == DIGITS else groups, key)
        labels = [str(label) for label in range(label_of.max() + 1)]
        names, answers = images.names, (images.y_train, images.y_test)
        y_train, y_test = label_of[images.y_train], label_of[images.y_test]
    else:
        values = np.unique(images.y_train)
        labels = [str(value) for value in values]
        y_train, y_test = np.searchsorted(values, images.y_train), np.searchsorted(values, images.y_test)
        names = public.names if public else ()
        answers = identify(images.x_train, public), identify(images.x_test, public)
    try:
        rows, val_rows = train_test_split(np.arange(len(y_train)), test_size=val_size, random_state=seed)
    except ValueError:  # nothing would be left on one side
        rows = val_rows = np.array([], dtype=int)
    if len(set(y_train[rows])) < len(labels):
        raise UserError(
            f"params.yaml: prepare.val_size: must leave training images of each of the {len(labels)} labels. "
            f"Got {val_size} of {len(y_train)} images, which leaves {len(rows)} and not every label."
        )
    sources = {
        "train": (images.x_train, y_train, answers[0], rows),
        "val": (images.x_train, y_train, answers[0], val_rows),
        "test": (images.x_test, y_test, answers[1], np.arange(len(y_test))),
    }
    splits = {
        split: {"x": x[rows], "y": y[rows], "garments": garments[rows], "rows": rows}
        for split, (x, y, garments, rows) in sources.items()
    }
    return splits | {"labels": labels, "garments": list(names)}


def labels_of(names: Sequence[str], groups: Groups, key: str = "groups") -> np.ndarray:
    """The label of each name, the position of its group: (len(names),) int64.

    Raises UserError unless the groups are a partition of the names.
    """
    listed = Counter(name for group in groups for name in group)
    problems = [f"{name!r} is missing" for name in names if name not in listed]
    problems += [f"{name!r} is there {times} times" for name, times in listed.items() if times > 1 and name in names]
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


def identify(x: np.ndarray, public: Images | None) -> np.ndarray:
    """The garment of each image by exact match of all its pixels with a public image, training or test.

    (n, side, side) uint8 -> (n,) int64: its number, AMBIGUOUS where equal public images differ, UNKNOWN without one.
    """
    known: dict[bytes, int] = {}
    for images, garments in ((public.x_train, public.y_train), (public.x_test, public.y_test)) if public else ():
        for image, garment in zip(images, garments.tolist(), strict=True):
            if known.setdefault(image.tobytes(), garment) != garment:
                known[image.tobytes()] = AMBIGUOUS
    return np.array([known.get(image.tobytes(), UNKNOWN) for image in x])


def subject(names: Sequence[str], garments: np.ndarray) -> str:
    """What the images show, as far as most of the (n,) garments are known: Fashion-MNIST, digits or unknown."""
    if not names or (garments >= 0).mean() < 0.5:
        return "unknown"
    return "digits" if tuple(names) == DIGITS else "Fashion-MNIST"


def main(params: dict[str, Any]) -> None:
    """data/raw -> data/{train,val,test}.npz for those who learn, data/{garments,rows}.npz for those who check."""
    public = Path("data/raw/public.npz")
    prepared = prepare(
        Images.load("data/raw/images.npz"), Images.load(public) if public.exists() else None, **params["prepare"]
    )
    splits = {split: prepared[split] for split in ("train", "val", "test")}
    for split, arrays in splits.items():
        with writing(f"data/{split}.npz") as file:
            np.savez(file, x=arrays["x"], y=arrays["y"])
    with writing("data/garments.npz") as file:
        np.savez(
            file,
            names=np.array(prepared["garments"], dtype=str),
            **{split: arrays["garments"] for split, arrays in splits.items()},
        )
    with writing("data/rows.npz") as file:
        np.savez(file, allow_pickle=False, **{split: arrays["rows"] for split, arrays in splits.items()})
    labels = prepared["labels"]
    counts = {
        split: dict(zip(labels, np.bincount(arrays["y"], minlength=len(labels)).tolist(), strict=True))
        for split, arrays in splits.items()
    }
    rows = [
        {"split": split, "label": label, "images": images}
        for split, by_label in counts.items()
        for label, images in by_label.items()
    ]
    write_csv("metrics/class_counts.csv", rows)
    plots.class_counts("metrics/class_counts.png", counts)
    report = {"labels": labels, "images": counts, "shows": subject(prepared["garments"], splits["test"]["garments"])}
    write_json("metrics/prepare.json", report)


if __name__ == "__main__":
    run(main)
