"""The order of a user's images beside the public ones, and public images that are equal."""

from typing import TypedDict

import numpy as np

from src.images.store import Images


class EqualImages(TypedDict):
    """A group of equal public images: their ids, and the garments that they show."""

    images: list[str]
    garments: list[str]


class Collisions(TypedDict):
    """Groups of equal public images: how many, how many with garments that differ, and the first of them."""

    total: int
    of_different_garments: int
    listed: list[EqualImages]


def in_public_order(images: Images, public: Images) -> dict[str, bool]:
    """Whether a user's training images, and the test images, are the first public ones, one by one, pixel by pixel."""
    return {
        "training": np.array_equal(images.x_train, public.x_train[: len(images.x_train)]),
        "test": np.array_equal(images.x_test, public.x_test[: len(images.x_test)]),
    }


def collisions(public: Images, max_listed: int) -> Collisions:
    """Groups of equal public images; those whose garments differ are listed first.

    An image that equals public ones of different garments is ambiguous: its garment is never guessed.
    """
    groups: dict[bytes, EqualImages] = {}
    for split, x, y in (("train", public.x_train, public.y_train), ("test", public.x_test, public.y_test)):
        for row, (image, garment) in enumerate(zip(x, y.tolist(), strict=True)):
            group = groups.setdefault(image.tobytes(), {"images": [], "garments": []})
            group["images"].append(f"{split} {row}")
            if public.names[garment] not in group["garments"]:
                group["garments"].append(public.names[garment])
    equal = [group for group in groups.values() if len(group["images"]) > 1]
    equal.sort(key=lambda group: len(group["garments"]) == 1)
    ambiguous = sum(len(group["garments"]) > 1 for group in equal)
    return {"total": len(equal), "of_different_garments": ambiguous, "listed": equal[:max_listed]}
