import numpy as np

from src.decoding.lookup import collisions, in_public_order
from src.images.store import Images

X = np.arange(7, dtype=np.uint8).reshape(7, 1, 1)
PUBLIC = Images(X[:4], np.array([0, 1, 0, 1]), X[4:], np.array([0, 1, 1]), ("Bag", "Coat"))


def test_the_public_order_is_told_for_each_file() -> None:
    mine = PUBLIC._replace(x_train=X[:4].copy(), x_test=X[4:].copy())
    assert in_public_order(mine, PUBLIC) == {"training": True, "test": True}
    assert in_public_order(PUBLIC._replace(x_train=X[[1, 0, 2, 3]]), PUBLIC) == {"training": False, "test": True}
    assert in_public_order(PUBLIC._replace(x_train=X[:2], x_test=X), PUBLIC) == {"training": True, "test": False}


def test_images_of_another_size_are_in_no_public_order() -> None:
    assert not in_public_order(PUBLIC._replace(x_test=np.zeros((3, 2, 2), np.uint8)), PUBLIC)["test"]


def test_equal_public_images_are_listed_those_of_different_garments_first() -> None:
    x_train, x_test = X[[0, 1, 0, 3]], X[[4, 1, 1]]
    equal = collisions(PUBLIC._replace(x_train=x_train, y_train=np.array([0, 1, 0, 1]), x_test=x_test), max_listed=10)
    assert equal == {
        "total": 2,
        "of_different_garments": 0,
        "listed": [
            {"images": ["train 0", "train 2"], "garments": ["Bag"]},
            {"images": ["train 1", "test 1", "test 2"], "garments": ["Coat"]},
        ],
    }
    ambiguous = PUBLIC._replace(x_train=x_train, x_test=x_test, y_test=np.array([0, 0, 1]))
    equal = collisions(ambiguous, max_listed=1)
    assert (equal["total"], equal["of_different_garments"]) == (2, 1)
    assert equal["listed"] == [{"images": ["train 1", "test 1", "test 2"], "garments": ["Coat", "Bag"]}]


def test_images_that_all_differ_do_not_collide() -> None:
    assert collisions(PUBLIC, max_listed=1) == {"total": 0, "of_different_garments": 0, "listed": []}
