import numpy as np
import pytest

from src.comparison.occlusion import occlusion


def by_one_pixel(x: np.ndarray) -> np.ndarray:
    """Two labels; the second by the brightness of the pixel in row 2 and column 5."""
    share = x[:, 2, 5].reshape(len(x), -1)[:, 0] / 255
    return np.stack([1 - share, share], axis=1)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_only_squares_that_hide_what_counts_lower_the_probability(channels: tuple[int, ...]) -> None:
    image = np.zeros((8, 8, *channels), np.uint8)
    image[1:4, 4:7] = 255
    found = occlusion(by_one_pixel, image, patch=2, stride=2)
    expected = np.zeros((8, 8))
    expected[2:4, 4:6] = 1  # the square with the pixel
    assert (found.dtype, found.shape) == (np.float32, (8, 8))
    np.testing.assert_allclose(found, expected)


def test_a_pixel_has_the_mean_of_the_squares_that_hide_it() -> None:
    image = np.zeros((8, 8), np.uint8)
    image[1:4, 4:7] = 255
    found = occlusion(by_one_pixel, image, patch=2, stride=1)
    assert found[2, 5] == 1  # all four squares hide it
    assert found[2, 4] == found[1, 5] == 0.5
    assert found[1, 4] == found[3, 6] == 0.25
    assert found[5, 5] == 0


def test_squares_reach_the_edge_and_large_ones_hide_all() -> None:
    image = np.zeros((8, 8), np.uint8)
    image[2, 5] = 255
    assert occlusion(by_one_pixel, image, patch=3, stride=4)[7, 7] == 0
    assert np.unique(occlusion(by_one_pixel, image, patch=99, stride=1)).tolist() == [1]


def test_what_speaks_against_the_answer_is_negative() -> None:
    image = np.full((8, 8), 255, np.uint8)
    image[2, 5] = 100  # label 0, less surely than before a black pixel; hidden, it is white: label 1
    assert occlusion(by_one_pixel, image, patch=1, stride=1)[2, 5] == pytest.approx(155 / 255)
    image[0] = 0
    image[-1] = image[1:-1, 0] = image[1:-1, -1] = 0  # the ground is black
    assert occlusion(by_one_pixel, image, patch=1, stride=1)[2, 5] == pytest.approx(-100 / 255)


def test_the_image_is_not_modified() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    before = image.copy()
    occlusion(by_one_pixel, image, patch=2, stride=2)
    assert np.array_equal(image, before)
