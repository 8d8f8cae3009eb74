"""Random mappings of garments to labels and what can go wrong with them: the cases of the benchmark of decode."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import ndimage

from src.decoding.neighbors import scale

TWO = -2  # in place of the label of a garment that has no single one
Shares = tuple[np.ndarray, np.ndarray, np.ndarray]  # of labels by garment, in training and in test, and the true labels
ALL_GARMENTS = (0, 0.1, 0.2, 0.22, 0.3, 0.4, 0.5, 0.6)  # shares of labels
ONE_GARMENT = (0.1, 0.15, 0.2, 0.25, 0.3, 0.45, 0.55)


def mappings(rng: np.random.Generator, n: int) -> Iterator[tuple[np.ndarray, int]]:
    """The label of each garment and the number of labels; half of the mappings are of the course's shape."""
    for number in range(n):
        n_labels = 5 if number % 2 else int(rng.integers(2, 11))
        rest = [0, 2, 3, 4, 4] if number % 2 else rng.integers(0, n_labels, 10 - n_labels)
        yield rng.permutation(np.append(np.arange(n_labels), rest)), n_labels


# Attacks on the look-up


def flipped(own: np.ndarray, rate: float) -> np.ndarray:
    """Shares of the labels, (garments, labels), of which so many are flipped, to any other as likely."""
    return own * (1 - rate) + (1 - own) * rate / (own.shape[1] - 1)


def everywhere(training: float, test: float) -> Callable[..., Shares]:
    """Flipped labels of all garments."""
    return lambda own, label_of, rng: (flipped(own, training), flipped(own, test), label_of)


def one_garment(share: float, noise: float = 0, parts: tuple[int, ...] = (0, 1)) -> Callable[..., Shares]:
    """A garment bears a second label to this share; with a half, or in one file alone, no label is its own."""

    def attack(own: np.ndarray, label_of: np.ndarray, rng: np.random.Generator) -> Shares:
        garment, changed, truth = int(rng.integers(10)), own.copy(), label_of.copy()
        changed[garment] = (1 - share) * own[garment] + share * np.roll(own[garment], 1)
        if share == 0.5 or len(parts) == 1:
            truth[garment] = TWO
        training, test = (flipped(changed if part in parts else own, noise) for part in (0, 1))
        return training, test, truth

    return attack


def shuffled(parts: tuple[int, ...]) -> Callable[..., Shares]:
    """Labels in random order, in training, in test or in both."""

    def attack(own: np.ndarray, label_of: np.ndarray, rng: np.random.Generator) -> Shares:
        training, test = (np.tile(own.mean(axis=0), (10, 1)) if part in parts else own for part in (0, 1))
        return training, test, label_of

    return attack


def other_mapping(own: np.ndarray, label_of: np.ndarray, rng: np.random.Generator) -> Shares:
    """The test labels are those of another mapping: garments that it moves have no single label."""
    order = rng.permutation(10)
    return own, own[order], np.where(label_of == label_of[order], label_of, TWO)


ATTACKS: dict[str, Callable[..., Shares]] = {
    **{f"{rate:.0%} of the labels flipped": everywhere(rate, rate) for rate in ALL_GARMENTS},
    "40% flipped in training only": everywhere(0.4, 0),
    "40% flipped in test only": everywhere(0, 0.4),
    **{
        f"{share:.0%} of one garment's flipped to one label": one_garment(share)
        for share in (0.1, 0.15, 0.2, 0.25, 0.3)
    },
    **{f"{share:.0%} of one garment's flipped to one label": one_garment(share) for share in (0.45, 0.55)},
    **{f"one garment half/half, {rate:.0%} flipped": one_garment(0.5, rate) for rate in (0, 0.2, 0.4)},
    "one garment bears another label in test": one_garment(1, parts=(1,)),
    "test labels of another mapping": other_mapping,
    "labels shuffled in training only": shuffled((0,)),
    "labels shuffled in test only": shuffled((1,)),
    "labels shuffled": shuffled((0, 1)),
}


# Changed images, whose nearest public ones tell what they show


def of_side(side: int) -> Callable[[np.ndarray], np.ndarray]:
    """Images of another size, as decode scales them."""
    return lambda x: scale(scale(x, side), 28)


def moved(columns: int) -> Callable[[np.ndarray], np.ndarray]:
    """Images moved to the right."""
    return lambda x: np.roll(x, columns, axis=2)


def turned(degrees: float) -> Callable[[np.ndarray], np.ndarray]:
    """Images turned."""
    return lambda x: ndimage.rotate(x, degrees, (1, 2), reshape=False, order=1)


def zoomed(side: int) -> Callable[[np.ndarray], np.ndarray]:
    """Images scaled to another side about their middle, which keep their frame."""

    def change(x: np.ndarray) -> np.ndarray:
        inside, margin = scale(x, side), abs(side - 28) // 2
        if side > 28:
            return inside[:, margin : margin + 28, margin : margin + 28]
        return np.pad(inside, ((0, 0), (margin, 28 - side - margin), (margin, 28 - side - margin)))

    return change


def noisy(grey_values: float) -> Callable[[np.ndarray], np.ndarray]:
    """Images with normal noise."""
    rng = np.random.default_rng(0)
    return lambda x: np.clip(x + rng.normal(0, grey_values, x.shape), 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda x: x,
    **{f"{side} x {side} pixels": of_side(side) for side in (7, 14, 20, 56)},
    **{f"moved by {columns} px": moved(columns) for columns in (1, 2, 3, 5)},
    **{f"turned by {degrees} degrees": turned(degrees) for degrees in (5, 10, 20, 90)},
    **{f"zoomed by {side / 28:.2f}": zoomed(side) for side in (22, 25, 31, 34)},
    **{f"noise of {grey_values} grey values": noisy(grey_values) for grey_values in (30, 80)},
    "mirrored": lambda x: x[:, :, ::-1],
    "upside down": lambda x: x[:, ::-1],
    "inverted": lambda x: 255 - x,
    "half as bright": lambda x: x // 2,
    "a fifth as bright": lambda x: x // 5,
    "blurred": lambda x: ndimage.gaussian_filter(x, (0, 1.5, 1.5)),
    "two grey values": lambda x: np.where(x > 100, 255, 0).astype(np.uint8),
    "lower half black": lambda x: np.where(np.arange(28)[:, None] < 14, x, 0).astype(np.uint8),
    "noise alone": lambda x: np.random.default_rng(0).integers(0, 256, x.shape).astype(np.uint8),
}
