import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src import splits
from src.pictures import COLUMNS, atlas, picture, pictured, sheet


def decoded(address: str) -> np.ndarray:
    start = "data:image/png;base64,"
    assert address.startswith(start)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix(start)))))


def numbers(text: str) -> list[int]:
    return np.frombuffer(base64.b64decode(text), "<u2").tolist()


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
    found = atlas({"map": places}, groups, "abcd", np.array([0, 2, 3]))
    assert found["images"] == ["a", "c", "d"]
    # The longer axis fills the square, the shorter lies in its middle; the second axis points upwards.
    assert numbers(found["maps"]["map"]) == [0, 49151, 65535, 49151, 65535, 16384]
    cluster = found["groups"]["cluster"]
    assert (cluster["names"], cluster["grey"]) == (["noise", "first", "second"], [0])  # only groups that there are
    assert numbers(cluster["of"]) == [1, 0, 2]


def test_images_that_all_lie_in_one_place_are_drawn_in_the_middle() -> None:
    found = atlas({"map": np.ones((2, 2), np.float32)}, {}, "ab", np.arange(2))
    assert numbers(found["maps"]["map"]) == [32768] * 4


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("val", ["train 1", "train 3"]),
        ("all", ["train 4", "train 0", "train 2", "train 1", "train 3", "test 0", "test 1"]),
    ],
)
def test_pictures_have_the_image_and_the_garment_of_their_row(
    split: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image is filled with a value of its own, 10 times its split and its row; its garment is the same value."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/predictions").mkdir(parents=True)
    values = {"train": np.array([0, 1, 2]), "val": np.array([10, 11]), "test": np.array([20, 21])}
    for part, value in values.items():
        x = np.broadcast_to(value[:, None, None], (len(value), 2, 2)).astype(np.uint8)
        np.savez(f"data/{part}.npz", x=x, y=value % 2)
    np.savez("data/garments.npz", allow_pickle=False, names=np.array([f"g{i}" for i in range(22)]), **values)
    wrong_for_row_0 = {
        part: np.eye(2)[np.where(value % 10 == 0, 1 - value % 2, value % 2)][None] for part, value in values.items()
    }
    np.savez("data/predictions/cm4.npz", allow_pickle=False, **wrong_for_row_0)
    np.savez("data/rows.npz", train=np.array([4, 0, 2]), val=np.array([1, 3]), test=np.arange(2))
    n = len(names)
    np.savez("data/embedding.npz", tsne=np.zeros((n, 2)), pca=np.zeros((n, 2)))
    np.savez("data/clusters.npz", kmeans=np.zeros(n, int), dbscan=np.full(n, -1))
    params = {"embed": {"split": split, "model": "cm4"}, "decode": {"per_label": 1}, "audit": {"sheet": 2}}
    content = {
        "prepare": {"labels": ["0", "1"]},
        "comparison": {"cm4": {}},
        "mistakes": [{"model": "cm4", "row": 1}],
        "suspects": [{"split": "val", "row": 1}, {"split": "test", "row": 0}, {"split": "val", "row": 0}],
    }
    found = pictured(params, content)
    assert [(int(x[0, 0]), garment) for x, _, garment in found["mistakes"]["cm4"]] == [(21, "g21")]
    assert [(int(x[0, 0]), garment) for x, _, garment in found["suspects"]] == [(11, "g11"), (20, "g20")]
    assert {label: x[:, 0, 0].tolist() for label, x in found["labels"].items()} == {"0": [20], "1": [21]}
    assert found["names"] == names
    assert found["x"][:, 0, 0].tolist() == np.concatenate([values[part] for part in splits.parts(split)]).tolist()  # type: ignore[arg-type]
    named = {what: [of_group[number] for number in of.tolist()] for what, (of_group, of) in found["groups"].items()}
    assert named["garment"] == [f"g{value}" for value in found["x"][:, 0, 0]]
    assert named["outcome"] == ["right" if value % 10 else "wrong" for value in found["x"][:, 0, 0]]
    assert named["DBSCAN cluster"] == ["noise"] * n
