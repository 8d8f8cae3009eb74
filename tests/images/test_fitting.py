import numpy as np
import pytest
from PIL import Image

from src.images.fitting import fitted, stack
from src.pipeline.files import UserError


def test_a_picture_is_padded_cut_or_stretched() -> None:
    wide = np.repeat([[10, 10, 200, 200, 10, 10]], 2, axis=0).astype(np.uint8)  # 6 x 2
    image = Image.fromarray(wide)
    padded, cut, stretched = (fitted(image, 6, fit) for fit in ("pad", "crop", "stretch"))
    assert padded[[0, 1, 4, 5]].tolist() == [[10] * 6] * 4  # the grey of its border
    assert padded[2:4].tolist() == wide.tolist()
    assert stretched.tolist() == [wide[0].tolist()] * 6
    assert (cut.shape, cut[:, 2:4].min(), cut[0, 0] < cut[0, 2]) == ((6, 6), 200, True)  # its middle, enlarged
    assert fitted(image, None, "pad").tolist() == wide.tolist()


def test_a_colored_picture_is_padded_with_the_color_of_its_border() -> None:
    wide = np.full((2, 6, 3), (200, 100, 50), np.uint8)
    assert fitted(Image.fromarray(wide), 6, "pad").tolist() == np.full((6, 6, 3), (200, 100, 50)).tolist()
    assert fitted(Image.fromarray(wide), 6, "stretch").shape == (6, 6, 3)


def test_images_of_one_size_are_stacked() -> None:
    images = [np.full((2, 2, 3), number, np.uint8) for number in range(3)]
    assert np.array_equal(stack(["a", "b", "c"], images), np.array(images))
    with pytest.raises(UserError, match=r"^b: must have 2 x 2 pixels, as a\. Got 5 x 4\."):
        stack(["a", "b"], [images[0], np.zeros((4, 5, 3), np.uint8)])
