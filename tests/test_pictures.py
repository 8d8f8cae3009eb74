import base64
import io

import numpy as np
from PIL import Image

from src.pictures import COLUMNS, atlas, picture, sheet


def decoded(address: str) -> np.ndarray:
    start = "data:image/png;base64,"
    assert address.startswith(start)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix(start)))))


def numbers(text: str, kind: str) -> list[int]:
    return np.frombuffer(base64.b64decode(text), kind).tolist()


def test_a_picture_is_the_image_pixel_by_pixel() -> None:
    x = np.arange(256, dtype=np.uint8).reshape(8, 32)
    np.testing.assert_array_equal(decoded(picture(x)), x)


def test_a_sheet_has_the_images_row_by_row_and_black_after_the_last() -> None:
    x = np.random.default_rng(0).integers(1, 256, (COLUMNS + 3, 4, 4), dtype=np.uint8)
    full = sheet(x, 28)
    assert full.shape == (2 * 4, COLUMNS * 4)
    for number, image in enumerate(x):
        row, column = divmod(number, COLUMNS)
        np.testing.assert_array_equal(full[4 * row : 4 * row + 4, 4 * column : 4 * column + 4], image)
    assert not full[4:, 3 * 4 :].any()


def test_larger_images_are_shrunk_smaller_ones_left() -> None:
    x = np.full((2, 8, 8), 100, np.uint8)
    assert sheet(x, 4).shape == (4, 4 * COLUMNS)
    assert set(np.unique(sheet(x, 4))) == {0, 100}
    assert sheet(x, 16).shape == (8, 8 * COLUMNS)


def test_an_atlas_has_the_chosen_rows_in_a_square_and_their_groups() -> None:
    places = np.array([[0.0, 0.0], [9.0, 9.0], [4.0, 0.0], [4.0, 2.0]], np.float32)
    groups = {"cluster": ({-2: "lost", -1: "noise", 0: "first", 3: "none", 7: "second"}, np.array([0, 0, -1, 7]))}
    found = atlas({"map": places}, groups, np.array([10, 11, 12, 13]), np.array([0, 2, 3]))
    assert numbers(found["images"], "<u4") == [10, 12, 13]
    # The longer axis fills the square, the shorter lies in its middle; the second axis points upwards.
    assert numbers(found["maps"]["map"], "<u2") == [0, 49151, 65535, 49151, 65535, 16384]
    cluster = found["groups"]["cluster"]
    assert (cluster["names"], cluster["grey"]) == (["noise", "first", "second"], [0])  # only groups that there are
    assert numbers(cluster["of"], "<u2") == [1, 0, 2]


def test_images_that_all_lie_in_one_place_are_drawn_in_the_middle() -> None:
    found = atlas({"map": np.ones((2, 2), np.float32)}, {}, np.arange(2), np.arange(2))
    assert numbers(found["maps"]["map"], "<u2") == [32768] * 4
