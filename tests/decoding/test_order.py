import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.decoding.order import best_shift, hints, relation
from src.decoding.records import Names, SplitLabels
from src.images.store import AMBIGUOUS, UNKNOWN

TRUE = np.array([0, 2, 2, 4, 4, 1, 0, 3, 3, 4])  # the label of each garment
NAMES = Names(list("01234"), list("abcdefghij"))


def labelled(images: int, seed: int, noise: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Garments at random and their labels, a share of them drawn again."""
    rng = np.random.default_rng(seed)
    garments = rng.integers(0, 10, images)
    y = TRUE[garments]
    return garments, np.where(rng.random(images) < noise, rng.permutation(y), y)


def told(garments: np.ndarray, y: np.ndarray, by_nearest: bool = False) -> str:
    return " ".join(hints({"test": SplitLabels(y, garments, [])}, NAMES, 0.95, by_nearest))


def test_the_relation_is_the_likelihood_ratio_by_hand() -> None:
    table = np.array([[3, 0], [0, 2]])  # smoothed, the labels' frequencies are 4 / 7 and 3 / 7
    first = ((0.8 + 0.2 / (4 / 7)) ** 3 + 0.8**3) / 2
    second = ((0.8 + 0.2 / (3 / 7)) ** 2 + 0.8**2) / 2
    assert relation(table) == pytest.approx(np.log(first * second))


@settings(max_examples=25)
@given(st.integers(2, 200), st.integers(0, 2**32 - 1), st.data())
def test_the_best_shift_is_the_one_of_all_that_gives_the_largest_chi_square(
    n: int, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    garments, y = rng.integers(-2, 4, n), rng.integers(0, 3, n)

    def chi_square(rows: int) -> float:
        moved = np.roll(y, -rows)
        return sum(
            float(((garments == a) & (moved == b)).sum() ** 2 / ((garments == a).sum() * (y == b).sum()))
            for a in set(garments[garments >= 0].tolist())
            for b in set(y.tolist())
        )

    assert chi_square(best_shift(garments, y)) == pytest.approx(max(chi_square(rows) for rows in range(n)))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (1, "takes the label 1 row below its own"),
        (-1, "takes the label 1 row above its own"),
        (1234, "takes the label 1,234 rows below its own"),
        (-77, "takes the label 77 rows above its own"),
    ],
)
def test_a_shift_is_told(rows: int, says: str) -> None:
    garments, y = labelled(5000, seed=0, noise=0.3)
    garments[:50], garments[50:90] = UNKNOWN, AMBIGUOUS
    assert says in told(garments, np.roll(y, rows))


def test_shuffled_labels_are_told_in_every_case_and_none_is_taken_for_a_shift() -> None:
    for seed in range(30):
        garments, y = labelled(500, seed)
        sentence = told(garments, np.random.default_rng(seed).permutation(y))
        assert sentence.startswith(
            "In test, labels look unrelated to what the images show. No shift of the rows mends it"
        )


def test_what_only_the_nearest_images_show_is_called_so() -> None:
    garments, y = labelled(5000, seed=0)
    sentence = told(garments, np.random.default_rng(0).permutation(y), by_nearest=True)
    assert "unrelated to what the nearest public images show. No shift" in sentence
    assert "or the images show something else" in sentence


def test_labels_that_belong_are_never_said_not_to() -> None:
    for seed in range(30):
        for images, noise in ((0, 0), (5, 0), (50, 0.5), (500, 0.4), (500, 0.6)):
            assert told(*labelled(images, seed, noise)) == ""


def test_few_images_tell_nothing() -> None:
    for seed in range(30):
        garments, y = labelled(5, seed)
        assert told(garments, np.roll(y, 1)) == ""
    assert told(np.full(500, UNKNOWN), labelled(500, 0)[1]) == ""


def test_without_garments_nothing_is_said() -> None:
    images = SplitLabels(np.zeros(9, int), np.full(9, UNKNOWN), [])
    assert hints({"test": images}, Names(["0", "1"], []), 0.95, False) == []
