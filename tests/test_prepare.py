import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.model_selection import train_test_split
from test_data import real_files

from src import data, prepare, stage
from src.data import DIGITS, GARMENTS, Images
from src.prepare import AMBIGUOUS, UNKNOWN, identify, labels_of, subject
from src.stage import UserError

ROOT = Path(__file__).parents[1]
HALVES = [list(GARMENTS[:5]), list(GARMENTS[5:])]
DIGIT_HALVES = [list(DIGITS[:5]), list(DIGITS[5:])]

Split = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def forget_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that fails removes what was written, so no other test may take these files for its own."""
    monkeypatch.setattr(stage, "_written", [])


@pytest.fixture(scope="session")
def fashion() -> Images:
    arrays = [data.parse_idx(data.verify(name, *file)) for name, file in real_files().items()]
    return Images(arrays[0], arrays[1].astype(np.int64), arrays[2], arrays[3].astype(np.int64), GARMENTS)


def numbered(n: int, start: int = 0, side: int = 2) -> np.ndarray:
    """Images (n, side, side), each of one shade that tells its number."""
    return np.repeat(np.arange(start, start + n, dtype=np.uint8), side * side).reshape(n, side, side)


def known(names: tuple[str, ...] = GARMENTS, each: int = 5) -> Images:
    """Ten training images a round, one of each name in turn, and one test image of each."""
    numbers = np.arange(10)
    return Images(numbered(10 * each), np.tile(numbers, each), numbered(10, 10 * each), numbers, names)


@pytest.fixture
def split(params: dict[str, Any]) -> Split:
    """`prepare` with the real parameters, except those given."""

    def call(images: Images, public: Images | None = None, **other: Any) -> dict[str, Any]:
        return prepare.prepare(images, public, **(params["prepare"] | other))

    return call


# Groups


def test_the_default_groups_by_hand(params: dict[str, Any]) -> None:
    label_of = labels_of(GARMENTS, params["prepare"]["groups"])
    assert dict(zip(GARMENTS, label_of.tolist(), strict=True)) == {
        "T-shirt/top": 0,
        "Shirt": 0,
        "Sandal": 1,
        "Trouser": 2,
        "Pullover": 2,
        "Sneaker": 3,
        "Bag": 3,
        "Dress": 4,
        "Coat": 4,
        "Ankle boot": 4,
    }
    assert label_of.dtype == np.int64


def test_the_default_digit_groups_by_hand(params: dict[str, Any]) -> None:
    assert labels_of(DIGITS, params["prepare"]["digit_groups"]).tolist() == [0, 2, 2, 4, 4, 1, 0, 3, 3, 4]


def test_any_partition_is_accepted() -> None:
    assert labels_of(GARMENTS, [[name] for name in reversed(GARMENTS)]).tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert labels_of(GARMENTS, [["Bag"], [name for name in GARMENTS if name != "Bag"]]).tolist() == [1] * 8 + [0, 1]


WRONG: dict[str, tuple[list[list[str]], list[str]]] = {
    "missing": ([HALVES[0], HALVES[1][:4]], ["'Ankle boot' is missing"]),
    "twice in a group": ([[*HALVES[0], "Coat"], HALVES[1]], ["'Coat' is there 2 times"]),
    "in two groups": ([HALVES[0], [*HALVES[1], "Coat"]], ["'Coat' is there 2 times"]),
    "unknown": ([HALVES[0], [*HALVES[1], "Hat"]], ["'Hat' is unknown"]),
    "misspelt": ([HALVES[0], ["sandal", *HALVES[1][1:]]], ["'Sandal' is missing", "'sandal' is unknown"]),
    "an empty group": ([HALVES[0], [], HALVES[1]], ["group 1 is empty"]),
    "one group": ([list(GARMENTS)], ["there are fewer than two groups"]),
    "no group": ([], ["'Trouser' is missing", "there are fewer than two groups"]),
    "digits": (DIGIT_HALVES, ["'Bag' is missing", "'seven' is unknown"]),
    "several": ([["Bag", "Bag", "Hat"], []], ["'Shirt' is missing", "'Bag' is there 2", "'Hat'", "group 1 is empty"]),
}


@pytest.mark.parametrize(("groups", "problems"), WRONG.values(), ids=WRONG)
def test_groups_that_are_no_partition_are_refused_by_name(
    groups: list[list[str]], problems: list[str], split: Split
) -> None:
    with pytest.raises(UserError, match=r"^params.yaml: prepare.groups: must have each of T-shirt/top, .* once") as no:
        split(known(), groups=groups)
    assert [problem for problem in problems if problem not in str(no.value)] == []
    assert "\n" not in str(no.value)


def test_a_name_that_is_right_is_not_complained_about() -> None:
    with pytest.raises(UserError) as refusal:
        labels_of(GARMENTS, [HALVES[0], [*HALVES[1][1:], "Hat"]])
    assert str(refusal.value).endswith("Got groups in which 'Sandal' is missing; 'Hat' is unknown.")


def test_digits_take_digit_groups_and_errors_say_so(split: Split) -> None:
    with pytest.raises(UserError, match="prepare.digit_groups: .* 'nine' is missing"):
        split(known(DIGITS), digit_groups=[DIGIT_HALVES[0], DIGIT_HALVES[1][:4]])
    assert split(known(DIGITS), digit_groups=DIGIT_HALVES)["test"]["y"].tolist() == [0] * 5 + [1] * 5


def test_groups_do_not_matter_for_labels_without_names(split: Split) -> None:
    images = known()._replace(names=())
    assert split(images, groups=[["nonsense"]])["labels"] == [str(number) for number in range(10)]


# The split


def test_the_split_is_scikit_learns_with_seed_27(split: Split) -> None:
    images = known()
    prepared = split(images)
    x_train, x_val, y_train, y_val = train_test_split(images.x_train, images.y_train, test_size=0.2, random_state=27)
    assert np.array_equal(prepared["train"]["x"], x_train)
    assert np.array_equal(prepared["val"]["x"], x_val)
    assert np.array_equal(prepared["train"]["garments"], y_train)
    assert np.array_equal(prepared["val"]["garments"], y_val)
    assert (len(x_train), len(x_val)) == (40, 10)


def test_every_image_keeps_its_own_label_and_garment(split: Split) -> None:
    images = known()
    prepared = split(images, groups=HALVES)
    for part in (prepared["train"], prepared["val"]):
        numbers = part["x"][:, 0, 0]
        assert np.array_equal(part["rows"], numbers)
        assert np.array_equal(part["garments"], images.y_train[numbers])
        assert np.array_equal(part["y"], images.y_train[numbers] >= 5)
    both = np.concatenate([prepared["train"]["x"], prepared["val"]["x"]])
    assert sorted(both[:, 0, 0].tolist()) == list(range(50))


def test_the_test_images_stay_in_their_order(split: Split) -> None:
    images = known()
    prepared = split(images, groups=HALVES)
    assert np.array_equal(prepared["test"]["x"], images.x_test)
    assert prepared["test"]["y"].tolist() == [0] * 5 + [1] * 5
    assert prepared["test"]["garments"].tolist() == list(range(10))
    assert prepared["test"]["rows"].tolist() == list(range(10))


def test_arrays_have_the_promised_types(split: Split) -> None:
    for images in (known(), known()._replace(names=())):
        prepared = split(images)
        for part in ("train", "val", "test"):
            kinds = {key: array.dtype for key, array in prepared[part].items()}
            assert kinds == {"x": np.uint8, "y": np.int64, "garments": np.int64, "rows": np.int64}


def test_another_seed_splits_otherwise_and_another_share_by_that_share(split: Split) -> None:
    assert not np.array_equal(split(known(), seed=1)["val"]["x"], split(known(), seed=2)["val"]["x"])
    assert len(split(known(), val_size=0.5)["val"]["x"]) == 25


def test_inputs_are_not_modified(split: Split) -> None:
    for images in (known(), known()._replace(names=())):
        public = known()
        before = [array.copy() for array in (*images[:4], *public[:4])]
        split(images, public)
        for one, other in zip((*images[:4], *public[:4]), before, strict=True):
            assert np.array_equal(one, other)


def test_a_split_that_leaves_a_label_without_training_images_is_refused(split: Split) -> None:
    images = Images(numbered(4), np.array([0, 0, 0, 1]), numbered(1), np.array([0]))
    with pytest.raises(
        UserError, match="prepare.val_size: must leave training images of each of the 2 labels. Got 0.75 of 4 images"
    ):
        split(images, val_size=0.75)


def test_a_split_that_leaves_no_training_image_is_refused(split: Split) -> None:
    with pytest.raises(UserError, match="prepare.val_size: must .* Got 0.99 of 50 images, which leaves 0 and not"):
        split(known(), val_size=0.99)


# Labels without names


def test_labels_without_names_stay_as_in_the_file(split: Split) -> None:
    values = np.array([12, 3, 900] * 5)
    prepared = split(Images(numbered(15), values, numbered(3, 15), np.array([900, 3, 3])))
    assert prepared["labels"] == ["3", "12", "900"]
    assert prepared["test"]["y"].tolist() == [2, 0, 0]
    for part in (prepared["train"], prepared["val"]):
        assert np.array_equal(np.array([3, 12, 900])[part["y"]], values[part["x"][:, 0, 0]])


def test_without_public_images_no_garment_is_known(split: Split) -> None:
    prepared = split(known()._replace(names=()))
    assert prepared["garments"] == []
    assert {int(value) for part in ("train", "val", "test") for value in prepared[part]["garments"]} == {UNKNOWN}


def test_shuffled_public_images_behind_labels_are_recovered(split: Split) -> None:
    public = known()
    order = np.random.default_rng(0).permutation(50)
    hidden = np.array([4, 4, 1, 1, 0, 0, 2, 2, 3, 3])[public.y_train[order]]
    prepared = split(Images(public.x_train[order], hidden, public.x_test[::-1], hidden[:10]), public)
    for part in (prepared["train"], prepared["val"]):
        assert np.array_equal(part["garments"], public.y_train[part["x"][:, 0, 0]])
    assert prepared["test"]["garments"].tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert prepared["garments"] == list(GARMENTS)


def test_public_test_images_among_the_training_images_are_recognised() -> None:
    public = known()
    assert identify(np.concatenate([public.x_test, public.x_train]), public).tolist() == list(range(10)) * 6


def test_an_image_that_differs_in_one_pixel_is_unknown() -> None:
    public = known()
    x = public.x_train[:3].copy()
    x[1, 1, 1] ^= 1
    assert identify(x, public).tolist() == [0, UNKNOWN, 2]


@pytest.mark.parametrize("garments", [[7, 9, 7], [7, 7, 9], [9, 7, 7]])
def test_an_image_that_is_public_as_two_garments_is_ambiguous(garments: list[int]) -> None:
    x = numbered(4)
    x[:3] = x[0]
    public = Images(x[:2], np.array(garments[:2]), x[2:], np.array([garments[2], 1]), GARMENTS)
    assert identify(x[[3, 0]], public).tolist() == [1, AMBIGUOUS]


def test_an_image_that_is_public_twice_as_one_garment_is_known() -> None:
    x = numbered(2)
    x[1] = x[0]
    assert identify(x[:1], Images(x, np.array([7, 7]), x, np.array([7, 7]), GARMENTS)).tolist() == [7]


def test_images_of_another_size_are_unknown() -> None:
    assert identify(numbered(3, side=3), known()).tolist() == [UNKNOWN] * 3


def test_neither_mark_is_a_garment() -> None:
    assert {UNKNOWN, AMBIGUOUS}.isdisjoint(range(10))


# The real data


def test_the_default_groups_hide_the_published_numbers_of_test_images(fashion: Images, split: Split) -> None:
    prepared = split(fashion)
    assert np.bincount(prepared["test"]["y"]).tolist() == [2_000, 1_000, 2_000, 2_000, 3_000]
    both = np.concatenate([prepared["train"]["y"], prepared["val"]["y"]])
    assert np.bincount(both).tolist() == [12_000, 6_000, 12_000, 12_000, 18_000]
    assert (len(prepared["train"]["y"]), len(prepared["val"]["y"])) == (48_000, 12_000)


def test_every_shuffled_real_image_is_recognised(fashion: Images) -> None:
    order = np.random.default_rng(0).permutation(60_000)
    assert np.array_equal(identify(fashion.x_train[order], fashion), fashion.y_train[order])
    assert np.array_equal(identify(fashion.x_test, fashion), fashion.y_test)  # and so no two of them are equal


# What the images show


@pytest.mark.parametrize(
    ("names", "garments", "shown"),
    [
        (GARMENTS, [0, 9, 3], "Fashion-MNIST"),
        (DIGITS, [0, 9, 3], "digits"),
        (GARMENTS, [0, UNKNOWN], "Fashion-MNIST"),
        (GARMENTS, [0, UNKNOWN, AMBIGUOUS], "unknown"),
        (GARMENTS, [UNKNOWN, UNKNOWN], "unknown"),
        ((), [UNKNOWN], "unknown"),
    ],
)
def test_what_the_images_show(names: tuple[str, ...], garments: list[int], shown: str) -> None:
    assert subject(names, np.array(garments)) == shown
    assert subject(list(names), np.array(garments)) == shown


# The stage


def run_main(folder: Path, params: dict[str, Any], **raw: Images) -> set[str]:
    """Run the stage in a folder on the images in its data/raw; the files that it has written."""
    given = {folder / f"data/raw/{name}.npz": images for name, images in raw.items()}
    (folder / "data/raw").mkdir(parents=True)
    for path, images in given.items():
        images.save(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare.main(params)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path not in given}


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def declared() -> set[str]:
    """The outputs of stage `prepare` in dvc.yaml."""
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["prepare"]
    outs = [out for kind in ("outs", "metrics", "plots") for out in graph.get(kind, [])]
    return {out if isinstance(out, str) else next(iter(out)) for out in outs}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the stage ran with the real parameters on images of known names."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "_written", [])
        assert run_main(folder, stage.read_params(str(ROOT / "params.yaml")), images=known()) == declared()
    return folder


def test_the_stage_writes_arrays_labels_and_garments_in_one_order(prepared: Path) -> None:
    garments = arrays(prepared / "data/garments.npz")
    assert garments["names"].tolist() == list(GARMENTS)
    assert garments["test"].tolist() == list(range(10))
    label_of = np.array([0, 2, 2, 4, 4, 1, 0, 3, 3, 4])
    for split in ("train", "val", "test"):
        assert np.array_equal(arrays(prepared / f"data/{split}.npz")["y"], label_of[garments[split]])


def test_the_rows_lead_back_to_what_was_given(prepared: Path) -> None:
    images, rows = known(), arrays(prepared / "data/rows.npz")
    for split, given in (("train", images.x_train), ("val", images.x_train), ("test", images.x_test)):
        assert np.array_equal(arrays(prepared / f"data/{split}.npz")["x"], given[rows[split]])


def test_those_who_learn_get_no_garments(prepared: Path) -> None:
    assert [set(arrays(prepared / f"data/{split}.npz")) for split in ("train", "val", "test")] == [{"x", "y"}] * 3


def test_the_counts_are_those_of_the_files(prepared: Path) -> None:
    with (prepared / "metrics/class_counts.csv").open() as file:
        table = {(row["split"], row["label"]): int(row["images"]) for row in csv.DictReader(file)}
    assert [table["test", label] for label in "01234"] == [2, 1, 2, 2, 3]
    assert [table["train", label] + table["val", label] for label in "01234"] == [10, 5, 10, 10, 15]
    for split in ("train", "val", "test"):
        y = arrays(prepared / f"data/{split}.npz")["y"]
        assert [table[split, label] for label in "01234"] == np.bincount(y, minlength=5).tolist()
    assert json.loads((prepared / "metrics/prepare.json").read_text()) == {
        "labels": list("01234"),
        "images": {s: {label: table[s, label] for label in "01234"} for s in ("train", "val", "test")},
        "shows": "Fashion-MNIST",
    }


def test_the_bar_chart_is_a_picture(prepared: Path) -> None:
    assert (prepared / "metrics/class_counts.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("first", [0, 100], ids=["the same", "others"])
def test_a_users_images_beside_the_public_ones(first: int, tmp_path: Path, params: dict[str, Any]) -> None:
    mine = known()._replace(names=())
    public = known()._replace(x_train=numbered(50, first), x_test=numbered(10, first + 50))
    assert run_main(tmp_path, params, images=mine, public=public) == declared()
    report = json.loads((tmp_path / "metrics/prepare.json").read_text())
    assert report["shows"] == ("unknown" if first else "Fashion-MNIST")
    garments = arrays(tmp_path / "data/garments.npz")["test"].tolist()
    assert garments == ([UNKNOWN] * 10 if first else list(range(10)))


def test_a_users_images_alone(tmp_path: Path, params: dict[str, Any]) -> None:
    assert run_main(tmp_path, params, images=known()._replace(names=())) == declared()
    assert json.loads((tmp_path / "metrics/prepare.json").read_text())["shows"] == "unknown"
    assert arrays(tmp_path / "data/garments.npz")["names"].tolist() == []


def test_wrong_groups_leave_nothing_behind(tmp_path: Path, params: dict[str, Any]) -> None:
    params["prepare"]["groups"] = [*HALVES, ["Hat"]]
    with pytest.raises(UserError, match="'Hat' is unknown"):
        run_main(tmp_path, params, images=known())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["images.npz"]
