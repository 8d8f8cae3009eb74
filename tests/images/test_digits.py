import numpy as np
from sklearn.datasets import load_digits

from src.images.digits import read_digits
from src.images.store import DIGITS


def test_digits_are_scikit_learns_1797_images_scaled_up() -> None:
    images = read_digits()
    x, y = np.concatenate([images.x_train, images.x_test]), np.concatenate([images.y_train, images.y_test])
    assert (images.x_train.shape, images.x_test.shape) == ((1437, 28, 28), (360, 28, 28))
    assert x.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 255)
    assert np.array_equal(y, load_digits().target)
    firsts = [0, 4, 7, 11, 14, 18, 21, 25]  # where each of the eight pixels begins
    small = x[:, firsts][:, :, firsts]
    assert np.array_equal(np.round(small.astype(float) * 16 / 255), load_digits().images)
    assert np.array_equal(np.repeat(np.repeat(small, 4, 1), 4, 2)[:, :4, :4], x[:, :4, :4])


def test_a_digits_name_is_its_number_in_words() -> None:
    images = read_digits()
    assert images.names == DIGITS
    assert images.y_train[:10].tolist() == list(range(10))
    assert (DIGITS[0], DIGITS[9]) == ("zero", "nine")
