from typing import Any

import numpy as np
import pytest

from src.decoding.neighbors import predict_garments
from src.images.digits import read_digits
from src.images.store import Images
from src.pipeline.files import UserError

DIGITS = read_digits()


def test_unseen_digits_are_told_by_their_nearest_ones(params: dict[str, Any]) -> None:
    before = DIGITS.x_test.copy()
    predicted = predict_garments(DIGITS.x_test, DIGITS, **params["decode"]["neighbors"])
    assert (predicted == DIGITS.y_test).mean() > 0.93
    assert np.array_equal(predicted, predict_garments(DIGITS.x_test, DIGITS, **params["decode"]["neighbors"]))
    assert np.array_equal(before, DIGITS.x_test)


def test_an_images_own_garment_is_that_of_its_one_nearest() -> None:
    x = np.array([[[0, 0]], [[0, 9]], [[9, 0]], [[90, 90]]], dtype=np.uint8)
    public = Images(x, np.array([3, 1, 4, 1]), x, np.array([0, 0, 0, 0]))
    assert predict_garments(x, public, n_components=2, n_neighbors=1).tolist() == [3, 1, 4, 1]
    assert predict_garments(x[:1] + np.uint8(80), public, n_components=2, n_neighbors=1).tolist() == [1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n_components": 785}, "decode.neighbors.n_components: must be at most 784 .* Got 785."),
        ({"n_neighbors": 2000}, "decode.neighbors.n_neighbors: must be at most 1437 .* Got 2000."),
    ],
)
def test_more_than_there_is_is_refused_by_name(wrong: dict[str, int], says: str, params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=says):
        predict_garments(DIGITS.x_test, DIGITS, **(params["decode"]["neighbors"] | wrong))
