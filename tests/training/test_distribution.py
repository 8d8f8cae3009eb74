from typing import Any

import numpy as np

from src.training.distribution import place
from tests.training.test_jax_epoch import assert_same


def test_two_devices_train_to_the_same_numbers_as_one(with_jax: dict[str, Any]) -> None:
    assert with_jax["devices of a weight"] == 2
    assert_same(with_jax["two"], with_jax["own"])  # with a last batch of 5, which two do not divide


def test_two_devices_predict_what_keras_predicts_in_batches_of_any_size(with_jax: dict[str, Any]) -> None:
    ten, one = with_jax["by Keras"]
    predictions = [*with_jax["predicted"], with_jax["predicted one by one"], one]
    assert [len(predicted) for predicted in predictions] == [10, 3, 3, 1]
    for predicted in predictions:
        np.testing.assert_allclose(predicted, ten[: len(predicted)], rtol=1e-5, atol=1e-6)


def test_batches_of_all_lengths_are_compiled_once(with_jax: dict[str, Any]) -> None:
    assert [shape[0] for shape in with_jax["compiled for predicting"]] == [4, 1]


def test_one_device_has_the_whole_array() -> None:
    np.testing.assert_array_equal(np.asarray(place(np.arange(6).reshape(2, 3), axis=1)), [[0, 1, 2], [3, 4, 5]])
