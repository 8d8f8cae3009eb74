"""Slices of the test images on which a model is worse than elsewhere: found on one half, tested on the other."""

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Literal, NamedTuple

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.pairs import round_p
from src.comparison.statistics import DIGITS, holm, wilson_interval

MAX_OVERLAP = 0.5  # of two slices that are both listed: images in both over images in either


class Candidate(NamedTuple):
    """A slice: what its images have in common, and which these are, (n,) bool."""

    name: str
    images: np.ndarray


class Slice(TypedDict):
    """A row of slices.csv: accuracies in [0, 1] on the half that found the slice, then on the half that tests it.

    p: Fisher's exact test, one-sided, of the slice against all other images of the second half.
    """

    model: str
    slice: str
    n_found: int
    accuracy_found: float
    n: int
    accuracy: float
    ci_low: float
    ci_high: float
    accuracy_elsewhere: float
    p: float
    p_holm: float
    verdict: Literal["worse", "not shown"]


def candidates(groups: Mapping[str, np.ndarray]) -> list[Candidate]:
    """The images of each group, and those of every two groups of different kinds.

    groups: {kind: (n,) str, the group of each image}, "" for none.
    """
    single = {
        kind: [Candidate(f"{kind} {name}", names == name) for name in np.unique(names) if name]
        for kind, names in groups.items()
    }
    both = [
        Candidate(f"{one.name}, {other.name}", one.images & other.images)
        for kind, further in combinations(single, 2)
        for one in single[kind]
        for other in single[further]
    ]
    return [slice_ for slices in single.values() for slice_ in slices] + both


def ranges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """The range that each value lies in, (n,) str, of n_bins with as many values each; equal values share a range."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    if len(edges) < 2:
        return np.full(len(values), "")
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    # Three digits, or as many as tell the edges apart: two ranges with one name would be one group.
    written = next(
        row for row in ([f"{edge:.{n}g}" for edge in edges] for n in range(3, 18)) if len({*row}) == len(row)
    )
    names = [f"{low} to {high}" for low, high in pairwise(written)]
    return np.array(names)[places]


def worst(correct: np.ndarray, slices: Sequence[Candidate], *, min_images: int, n_listed: int) -> list[int]:
    """The places of the slices whose accuracy lies furthest below that of the other images, in standard errors.

    correct: (n,) bool. Slices of fewer than min_images, or that leave fewer, are passed over, as are those that overlap
    one before them by more than MAX_OVERLAP.
    """
    images = np.array([slice_.images for slice_ in slices])
    inside, outside = images.sum(axis=1), (~images).sum(axis=1)
    wrong = (images & ~correct).sum(axis=1)
    share = (~correct).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = wrong / inside - ((~correct).sum() - wrong) / outside
        scores = excess / np.sqrt(share * (1 - share) * (1 / inside + 1 / outside))
    usable = (inside >= min_images) & (outside >= min_images) & (scores > 0)
    chosen: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        overlaps = (_overlap(images[place], images[other]) for other in chosen)
        if usable[place] and all(overlap <= MAX_OVERLAP for overlap in overlaps):
            chosen.append(int(place))
        if len(chosen) == n_listed:
            break
    return chosen


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Images in both over images in either."""
    return float((one & other).sum() / (one | other).sum())


def find_slices(
    model: str,
    correct: np.ndarray,
    slices: Sequence[Candidate],
    first_half: np.ndarray,
    *,
    min_images: int,
    n_listed: int,
    confidence: float,
) -> list[Slice]:
    """The worst slices of a model by the first half of the images, with their tests on the second.

    correct, first_half: (n,) bool. The p-values have Holm's correction for the slices listed.
    """
    searched = [slice_._replace(images=slice_.images[first_half]) for slice_ in slices]
    chosen = worst(correct[first_half], searched, min_images=min_images, n_listed=n_listed)
    tested = correct[~first_half]
    inside = [slices[place].images[~first_half] for place in chosen]
    p = [_fisher(tested, images) for images in inside]
    rows: list[Slice] = []
    for place, images, p_value, p_holm in zip(chosen, inside, p, holm(p), strict=True):
        n, known = int(images.sum()), correct[first_half][searched[place].images]
        accuracy = float(tested[images].mean()) if n else 0.0
        low, high = wilson_interval(accuracy, n, confidence) if n else (0.0, 1.0)
        rows.append(
            {
                "model": model,
                "slice": slices[place].name,
                "n_found": len(known),
                "accuracy_found": round(float(known.mean()), DIGITS),
                "n": n,
                "accuracy": round(accuracy, DIGITS),
                "ci_low": low,
                "ci_high": high,
                "accuracy_elsewhere": round(float(tested[~images].mean()), DIGITS),
                "p": round_p(p_value),
                "p_holm": round_p(p_holm),
                "verdict": "worse" if p_holm < 1 - confidence else "not shown",
            }
        )
    return rows


def _fisher(correct: np.ndarray, images: np.ndarray) -> float:
    """Fisher's exact test whether errors are more frequent among these images than among the others; one-sided."""
    from scipy.stats import fisher_exact

    wrong = ~correct
    table = [[(wrong & images).sum(), (correct & images).sum()], [(wrong & ~images).sum(), (correct & ~images).sum()]]
    return float(fisher_exact(table, alternative="greater").pvalue)
