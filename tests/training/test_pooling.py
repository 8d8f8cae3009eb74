from typing import Any

import numpy as np


def test_windows_that_do_not_overlap_are_pooled_as_keras_pools_them_with_its_gradient(with_jax: dict[str, Any]) -> None:
    (ours, ours_gradient), (stock, stock_gradient) = with_jax["pools"][0]
    assert np.shape(ours) == (2, 3, 3, 3)  # of 7 x 7 pixels
    assert (ours, ours_gradient) == (stock, stock_gradient)
    assert np.any(ours_gradient)


def test_other_windows_are_left_to_keras(with_jax: dict[str, Any]) -> None:
    ours, stock = with_jax["pools"][1]
    assert np.shape(ours[0]) == (2, 6, 6, 3)
    assert ours == stock
