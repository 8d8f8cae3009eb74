"""Whether labels have anything to do with what the images show, and which shift of their rows mends it."""

from collections.abc import Mapping

import numpy as np

from src.decoding.counts import contingency
from src.decoding.likelihood import gains
from src.decoding.records import Names, SplitLabels

RANDOM = 0.8  # of the labels, at most, if they have anything to do with the images: an assumption, not an estimate


def relation(table: np.ndarray) -> float:
    """The logarithm of the likelihood ratio of labels that belong to the images to labels that do not.

    table: counts of images, (garments, labels). Labels that belong: each garment has one, any is as likely, and a share
    `RANDOM` of all labels is drawn by frequency. Whichever is true, the ratio exceeds 1 / a in favour of the other with
    probability a at most (Markov's inequality).
    """
    from scipy.special import logsumexp

    by_garment = logsumexp(gains(table, RANDOM), axis=1) - np.log(table.shape[1]) + table.sum(axis=1) * np.log(RANDOM)
    return float(by_garment.sum())


def best_shift(garments: np.ndarray, y: np.ndarray) -> int:
    """By how many rows, round the end, labels must be moved up to go best with garments, (n,) ints each.

    All n shifts are tried at once: counts of garment and label are cross-correlations. Best: the largest chi-square.
    """
    from scipy.fft import irfft, rfft

    n, chi_square = len(y), np.zeros(len(y))
    spectra = {label: rfft(np.equal(y, label).astype(float)) for label in np.unique(y).tolist()}
    for garment in np.unique(garments[garments >= 0]).tolist():
        is_garment = np.equal(garments, garment).astype(float)
        conjugate = rfft(is_garment).conj()
        for label, spectrum in spectra.items():
            chi_square += irfft(conjugate * spectrum, n) ** 2 / (is_garment.sum() * np.equal(y, label).sum())
    return int(chi_square.argmax())


def hints(sets: Mapping[str, SplitLabels], names: Names, confidence: float, by_nearest: bool) -> list[str]:
    """Which sets, in the order of their files, have labels that look unrelated to the garments, and what to do.

    Nothing where they do not, or where too few images tell. by_nearest: the garments are those of the nearest images.
    """
    images_show, or_else = "the images show", ""
    if by_nearest:
        images_show, or_else = "the nearest public images show", ", or the images show something else"
    limit, sizes = -np.log(1 - confidence), (len(names.garments), len(names.labels))
    sentences: list[str] = []
    for part, (y, garments, _) in sets.items():
        if relation(contingency(garments, y, *sizes)) > -limit:
            continue
        rows, n = best_shift(garments, y), len(y)
        moved = contingency(garments, np.roll(y, -rows), *sizes)
        if relation(moved) > limit + np.log(n):  # the best of n shifts
            far, where = (rows, "below") if rows <= n / 2 else (n - rows, "above")
            place = f"{far:,} row{'s' * (far > 1)} {where} its own"
            advice = f"They fit if each image takes the label {place}: the file of labels lost or gained rows."
        else:
            advice = (
                f"No shift of the rows mends it: they are shuffled, or belong to other images{or_else}. To find out, "
                "hold the first images against their labels."
            )
        sentences.append(f"In {part}, labels look unrelated to what {images_show}. {advice}")
    return sentences
