import numpy as np
import pytest

from src.images.ground import border, is_dark


def framed(ground: int, thing: int) -> np.ndarray:
    """A 5 x 5 image of one thing before a ground."""
    image = np.full((5, 5), ground, np.uint8)
    image[1:4, 1:4] = thing
    return image


def test_the_border_is_the_median_of_the_outermost_pixels() -> None:
    image = framed(9, 200)
    image[0, :4] = 255
    assert border(image) == 9


def test_the_border_of_a_colored_image_is_a_color() -> None:
    image = np.stack([framed(9, 200), framed(80, 200), framed(255, 0)], axis=2)
    assert border(image).tolist() == [9, 80, 255]


def test_a_single_pixel_is_its_own_border() -> None:
    assert border(np.array([[7]], np.uint8)) == 7


@pytest.mark.parametrize(
    ("images", "dark"),
    [
        ([framed(0, 200)], True),
        ([framed(0, 200), framed(9, 90), framed(255, 0)], True),
        ([framed(250, 0), framed(0, 200), framed(255, 0)], False),
        ([np.zeros((5, 5, 3), np.uint8)], False),
    ],
)
def test_most_images_decide_whether_the_ground_is_dark(images: list[np.ndarray], dark: bool) -> None:
    assert is_dark(images) is dark
