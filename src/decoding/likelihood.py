"""Which label the images of each garment bear, by likelihood under label noise.

The model: an image bears the label of its garment, but with probability `noise` one drawn from all labels, each as
likely as it is frequent (class-independent noise). What a garment's images have of their own is one label, or two in
equal parts, or none: then they bear each label as often as all images do. Tables are counts of images, (garments,
labels), two labels or more.
"""

from typing import NamedTuple

import numpy as np

NOISE = np.sin(np.linspace(0, np.pi / 2, 502)[1:-1]) ** 2  # dense near 0 and 1, where its standard error is small


class Explanation(NamedTuple):
    """The most likely labels of each garment, (garments, 2) ints, the likeliest and the next, and what speaks for them.

    one, two: (garments,) logarithms of the likelihood ratio of the first label alone, and of both in equal parts, to no
    label of their own. margin: that of the first label alone to whatever explains the images best beside it.
    """

    labels: np.ndarray
    one: np.ndarray
    two: np.ndarray
    margin: np.ndarray


def explain(table: np.ndarray, least_noise: float) -> Explanation:
    """The most likely explanation of a table.

    The noise is that of all garments, at which one label for each of them is most likely, and at least `least_noise`:
    a single garment may have more exceptions than all have on average.
    """
    noise = np.append(least_noise, NOISE[least_noise < NOISE])[:, None, None]
    base = table.sum(axis=1) * np.log(noise[:, 0])
    alone, halves = gains(table, noise), gains(table, noise, parts=2)
    first, second = (base + np.sort(alone)[..., -place] for place in (1, 2))
    both = base + np.sort(halves)[..., -2:].sum(axis=-1)
    best = first.sum(axis=1).argmax()
    rival = np.maximum(np.maximum(second, both), 0)
    labels = np.argsort(-alone[best], axis=1, kind="stable")[:, :2]
    return Explanation(labels, first[best], both[best], (first - rival)[best])


def gains(table: np.ndarray, noise: np.ndarray | float, parts: int = 1) -> np.ndarray:
    """What each label adds to the log-likelihood if it is one of `parts` equal parts, (..., garments, labels).

    Against images whose labels are all noise; noise: (..., 1, 1).
    """
    frequency = (table.sum(axis=0) + 1) / (table.sum() + table.shape[1])  # never 0
    return table * np.log1p((1 - noise) / (parts * noise * frequency))
