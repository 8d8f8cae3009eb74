import numpy as np
import pytest

from src.images.lookup import identify
from src.images.store import AMBIGUOUS, GARMENTS, UNKNOWN, Images


def numbered(n: int, start: int = 0, side: int = 2) -> np.ndarray:
    """Images (n, side, side), each of one shade that tells its number."""
    return np.repeat(np.arange(start, start + n, dtype=np.uint8), side * side).reshape(n, side, side)


@pytest.fixture
def public() -> Images:
    """Fifty training images, one of each garment in turn, and ten test images."""
    numbers = np.arange(10)
    return Images(numbered(50), np.tile(numbers, 5), numbered(10, 50), numbers, GARMENTS)


def test_public_test_images_among_the_training_images_are_recognised(public: Images) -> None:
    assert identify(np.concatenate([public.x_test, public.x_train]), public).tolist() == list(range(10)) * 6


def test_an_image_that_differs_in_one_pixel_is_unknown(public: Images) -> None:
    x = public.x_train[:3].copy()
    x[1, 1, 1] ^= 1
    assert identify(x, public).tolist() == [0, UNKNOWN, 2]


@pytest.mark.parametrize("garments", [[7, 9, 7], [7, 7, 9], [9, 7, 7]])
def test_an_image_that_is_public_as_two_garments_is_ambiguous(garments: list[int]) -> None:
    x = numbered(4)
    x[:3] = x[0]
    public = Images(x[:2], np.array(garments[:2]), x[2:], np.array([garments[2], 1]), GARMENTS)
    assert identify(x[[3, 0]], public).tolist() == [1, AMBIGUOUS]


def test_an_image_that_is_public_twice_as_one_garment_is_known() -> None:
    x = numbered(2)
    x[1] = x[0]
    assert identify(x[:1], Images(x, np.array([7, 7]), x, np.array([7, 7]), GARMENTS)).tolist() == [7]


def test_images_of_another_size_are_unknown(public: Images) -> None:
    assert identify(numbered(3, side=3), public).tolist() == [UNKNOWN] * 3


def test_every_shuffled_real_image_is_recognised(fashion: Images) -> None:
    order = np.random.default_rng(0).permutation(60_000)
    assert np.array_equal(identify(fashion.x_train[order], fashion), fashion.y_train[order])
    assert np.array_equal(identify(fashion.x_test, fashion), fashion.y_test)  # and so no two of them are equal


def test_without_public_images_all_are_unknown() -> None:
    assert identify(numbered(3), None).tolist() == [UNKNOWN] * 3
