import numpy as np
import pytest

from src.images.attributes import attributes, share_seen
from src.pipeline.files import UserError


def test_brightness_is_the_mean_of_all_values() -> None:
    x = np.zeros((2, 4, 4, 3), np.uint8)
    x[1, :2] = 255
    found = attributes(x, x, n_components=1, seed=0)
    assert found["brightness"].tolist() == [0, 0.5]


@pytest.mark.parametrize("ground", [0, 100, 255])
def test_size_is_the_share_of_pixels_that_differ_from_the_ground(ground: int) -> None:
    image = np.full((8, 8), ground, np.uint8)
    image[2:4, 2:6] = 180
    image[6, 6] = ground + 5 if ground < 255 else 250  # nearly the ground
    assert share_seen(image) == 8 / 64
    color = np.stack([np.full_like(image, 50), image, np.full_like(image, 60)], axis=2)
    assert share_seen(color) == 8 / 64


def test_distance_is_that_to_the_nearest_training_image() -> None:
    rng = np.random.default_rng(0)
    trained = rng.integers(0, 256, (30, 3, 3), dtype=np.uint8)
    x = rng.integers(0, 256, (5, 3, 3), dtype=np.uint8)
    x[2] = trained[7]
    found = attributes(x, trained, n_components=9, seed=0)["distance"]  # all components: no distance is lost
    flat, other = (images.reshape(len(images), 9) / 255 for images in (x, trained))
    expected = np.sqrt(((flat[:, None] - other) ** 2).sum(axis=2)).min(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found[2] == pytest.approx(0, abs=1e-3)


def test_more_components_than_there_are_is_told() -> None:
    x = np.zeros((3, 2, 2), np.uint8)
    with pytest.raises(UserError, match=r"^params\.yaml: slices\.n_components: must be at most 3, .* Got 4\.$"):
        attributes(x, x, n_components=4, seed=0)
