import time

import numpy as np

from src.images.duplicates import count_duplicate_pairs, duplicate_groups, leaked_test_images


def test_equal_images_are_counted_by_where_they_are() -> None:
    images = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    images[[2, 5]], images[7], images[4] = images[0], images[6], images[3]
    groups = duplicate_groups(images)
    assert groups == [[0, 2, 5], [3, 4], [6, 7]]
    y = np.array([0, 0, 1, 2, 2, 0, 1, 1])
    assert count_duplicate_pairs(groups, 4, y) == {
        "within_training": 1,
        "within_test": 1,
        "across": 3,
        "with_different_labels": 2,
    }
    assert leaked_test_images(groups, 4, 4).tolist() == [True, True, False, False]


def test_images_that_differ_in_one_pixel_are_no_duplicates() -> None:
    images = np.zeros((2, 3, 3), np.uint8)
    images[1, 2, 2] = 1
    assert duplicate_groups(images) == []


def test_thousands_of_equal_images_are_counted_without_listing_their_pairs() -> None:
    n, y = 5000, np.arange(5000) % 2
    start = time.perf_counter()
    groups = duplicate_groups(np.zeros((n, 28, 28), np.uint8))
    counts = count_duplicate_pairs(groups, 4000, y)
    assert time.perf_counter() - start < 1
    assert counts == {
        "within_training": 4000 * 3999 // 2,
        "within_test": 1000 * 999 // 2,
        "across": 4000 * 1000,
        "with_different_labels": 2500 * 2500,
    }
