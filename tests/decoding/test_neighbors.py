from typing import Any

import numpy as np
import pytest

from src.data import Images, read_digits
from src.nearest import nearest
from src.stage import UserError

DIGITS = read_digits()


def test_unseen_digits_are_told_by_their_nearest_ones(params: dict[str, Any]) -> None:
    before = DIGITS.x_test.copy()
    found = nearest(DIGITS.x_test, DIGITS, **params["nearest"])
    assert (found == DIGITS.y_test).mean() > 0.93
    assert np.array_equal(found, nearest(DIGITS.x_test, DIGITS, **params["nearest"]))
    assert np.array_equal(before, DIGITS.x_test)


def test_an_images_own_garment_is_that_of_its_one_nearest() -> None:
    x = np.array([[[0, 0]], [[0, 9]], [[9, 0]], [[90, 90]]], dtype=np.uint8)
    public = Images(x, np.array([3, 1, 4, 1]), x, np.array([0, 0, 0, 0]))
    assert nearest(x, public, components=2, neighbors=1).tolist() == [3, 1, 4, 1]
    assert nearest(x[:1] + np.uint8(80), public, components=2, neighbors=1).tolist() == [1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"components": 785}, "nearest.components: must be at most 784, .* Got 785."),
        ({"neighbors": 2000}, "nearest.neighbors: must be at most 1437, .* Got 2000."),
    ],
)
def test_more_than_there_is_is_refused_by_name(wrong: dict[str, int], says: str, params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=says):
        nearest(DIGITS.x_test, DIGITS, **(params["nearest"] | wrong))
