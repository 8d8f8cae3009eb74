from typing import Any

import numpy as np


def test_windows_that_do_not_overlap_are_pooled_as_keras_pools_them_with_its_gradient(with_jax: dict[str, Any]) -> None:
    (ours, ours_gradient), (stock, stock_gradient), _ = with_jax["pooled"]
    assert np.shape(ours) == (2, 3, 3, 3)  # of 7 x 7 pixels
    assert (ours, ours_gradient) == (stock, stock_gradient)
    assert np.any(ours_gradient)


def test_other_windows_are_left_to_keras(with_jax: dict[str, Any]) -> None:
    outputs, _ = with_jax["pooled"][2]
    assert np.shape(outputs) == (2, 6, 6, 3)
