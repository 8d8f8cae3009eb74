import base64
import io

import numpy as np
import pytest
from PIL import Image

from src.reporting.maps import COLUMNS, N_NEAREST, Embedded, Grouping, data_uri, make_atlas, make_sheet, nearest, pick


def decoded(address: str) -> np.ndarray:
    start = "data:image/png;base64,"
    assert address.startswith(start)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix(start)))))


def numbers(text: str) -> list[int]:
    return np.frombuffer(base64.b64decode(text), "<u2").tolist()


def embedded(places: np.ndarray, grouping: Grouping) -> Embedded:
    n = len(places)
    return Embedded(
        x=np.zeros((n, 4, 4), np.uint8),
        features=places,
        ids=[f"test {row}" for row in range(n)],
        maps={"map": places},
        groupings={"cluster": grouping},
        y=np.arange(n),
        predicted={"a": np.arange(n)[::-1]},
        confidence=np.linspace(0, 1, n),
        tested=np.arange(n) > 1,
    )


def test_an_address_is_the_image_pixel_by_pixel() -> None:
    x = np.arange(256, dtype=np.uint8).reshape(8, 32)
    for image in (x, np.stack([x, x[::-1], 255 - x], axis=2)):
        np.testing.assert_array_equal(decoded(data_uri(image)), image)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_sheet_has_the_images_row_by_row_and_black_after_the_last(channels: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(1, 256, (COLUMNS + 3, 4, 4, *channels), dtype=np.uint8)
    sheet = make_sheet(x, 28)
    assert sheet.shape == (2 * 4, COLUMNS * 4, *channels)
    for number, image in enumerate(x):
        row, column = divmod(number, COLUMNS)
        np.testing.assert_array_equal(sheet[4 * row : 4 * row + 4, 4 * column : 4 * column + 4], image)
    assert not sheet[4:, 3 * 4 :].any()


def test_larger_images_are_shrunk_smaller_ones_left() -> None:
    x = np.full((2, 8, 8), 100, np.uint8)
    assert make_sheet(x, 4).shape == (4, 4 * COLUMNS)
    assert set(np.unique(make_sheet(x, 4))) == {0, 100}
    assert make_sheet(x, 16).shape == (8, 8 * COLUMNS)


@pytest.mark.parametrize(
    ("n", "max_points", "rows"), [(41, 5, [0, 10, 20, 30, 40]), (3, 5, [0, 1, 2]), (3, 3, [0, 1, 2]), (9, 1, [0])]
)
def test_images_are_picked_at_equal_steps_up_to_the_last(n: int, max_points: int, rows: list[int]) -> None:
    assert pick(n, max_points).tolist() == rows


def test_an_atlas_has_the_picked_rows_in_a_square_and_their_groups() -> None:
    places = np.array([[0.0, 0.0], [9.0, 9.0], [4.0, 0.0], [4.0, 2.0]], np.float32)
    names = {-2: "lost", -1: "noise", 0: "first", 3: "none", 7: "second"}
    atlas = make_atlas(embedded(places, Grouping(names, np.array([0, 0, -1, 7]))), np.array([0, 2, 3]))
    assert atlas["images"] == ["test 0", "test 2", "test 3"]
    # The longer axis fills the square, the shorter lies in its middle; the second axis points upwards.
    assert numbers(atlas["maps"]["map"]) == [0, 49151, 65535, 49151, 65535, 16384]
    assert numbers(atlas["nearest"]) == [1, 2, 2, 0, 1, 0]  # of each of the three the two others
    cluster = atlas["groupings"]["cluster"]
    assert (cluster["names"], cluster["grey"]) == (["noise", "first", "second"], [0])  # only groups that occur
    assert numbers(cluster["places"]) == [1, 0, 2]
    assert numbers(atlas["y"]) == [0, 2, 3]
    assert numbers(atlas["predicted"]["a"]) == [3, 1, 0]
    assert numbers(atlas["permille"]) == [0, 667, 1000]
    assert numbers(atlas["tested"]) == [0, 1, 1]


def test_nearest_are_the_other_images_by_their_features() -> None:
    features = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert nearest(features).tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0]]
    assert nearest(features[:1]).shape == (1, 0)
    assert nearest(np.random.default_rng(0).random((30, 2))).shape == (30, N_NEAREST)


def test_images_that_all_lie_in_one_place_are_drawn_in_the_middle() -> None:
    atlas = make_atlas(embedded(np.ones((2, 2), np.float32), Grouping({0: "all"}, np.zeros(2, int))), np.arange(2))
    assert numbers(atlas["maps"]["map"]) == [32768] * 4
