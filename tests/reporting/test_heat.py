import numpy as np

from src.reporting.heat import HEAT, heat_picture


def test_the_largest_fall_is_reddest_and_none_is_grey() -> None:
    image = np.array([[0, 100], [200, 255]], np.uint8)
    fall = np.array([[0.5, 0.25], [0.0, -0.5]], np.float32)
    picture = heat_picture(image, fall, negative=False)
    assert picture.dtype == np.uint8
    assert picture[0, 0].tolist() == (0.8 * HEAT).round().tolist()
    assert picture[0, 1].tolist() == (0.6 * 100 + 0.4 * HEAT).round().tolist()
    assert picture[1].tolist() == [[200] * 3, [255] * 3]


def test_without_a_fall_there_is_no_red_and_a_negative_exchanges_light_and_dark() -> None:
    image = np.array([[0, 100], [200, 255]], np.uint8)
    picture = heat_picture(image, np.zeros((2, 2)), negative=True)
    assert picture[..., 0].tolist() == [[255, 155], [55, 0]]
    assert (picture[..., 0] == picture[..., 2]).all()


def test_a_colored_image_is_made_grey() -> None:
    image = np.full((1, 1, 3), (30, 60, 90), np.uint8)
    assert heat_picture(image, np.zeros((1, 1)), negative=False).tolist() == [[[60, 60, 60]]]
