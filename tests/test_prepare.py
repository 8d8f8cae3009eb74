from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from sklearn.model_selection import train_test_split

from src import prepare
from src.images.store import AMBIGUOUS, DIGITS, GARMENTS, UNKNOWN, Images
from src.params import read_params
from src.pipeline import files
from src.pipeline.files import UserError, read_csv, read_json
from src.prepare import Part, labels_of, subject

ROOT = Path(__file__).parents[1]
HALVES = [list(GARMENTS[:5]), list(GARMENTS[5:])]
DIGIT_HALVES = [list(DIGITS[:5]), list(DIGITS[5:])]
SPLITS = ("train", "val", "test")

GROUPS = [
    ["T-shirt/top", "Shirt"],
    ["Sandal"],
    ["Trouser", "Pullover"],
    ["Sneaker", "Bag"],
    ["Dress", "Coat", "Ankle boot"],
]
LABEL_OF = [0, 2, 2, 4, 4, 1, 0, 3, 3, 4]  # of each garment, by its number


class Prepared(NamedTuple):
    """What `prepare` returns."""

    splits: dict[str, Part]
    labels: list[str]
    names: list[str]


Prepare = Callable[..., Prepared]


@pytest.fixture(autouse=True)
def forget_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that fails removes what was written, so no other test may take these files for its own."""
    monkeypatch.setattr(files, "written", [])


def numbered(n: int, start: int = 0, side: int = 2) -> np.ndarray:
    """Images (n, side, side), each of one shade that tells its number."""
    return np.repeat(np.arange(start, start + n, dtype=np.uint8), side * side).reshape(n, side, side)


def known(names: tuple[str, ...] = GARMENTS, each: int = 5) -> Images:
    """Ten training images a round, one of each name in turn, and one test image of each."""
    numbers = np.arange(10)
    return Images(numbered(10 * each), np.tile(numbers, each), numbered(10, 10 * each), numbers, names)


@pytest.fixture
def split(params: dict[str, Any]) -> Prepare:
    """`prepare` with GROUPS, a share of 0.2 and seed 27, except what is given."""
    block = params["prepare"] | {"groups": GROUPS, "val_size": 0.2, "seed": 27}

    def call(images: Images, public: Images | None = None, **others: Any) -> Prepared:
        return Prepared(*prepare.prepare(images, public, **(block | others)))

    return call


# Groups


def test_a_label_is_the_place_of_its_group() -> None:
    label_of = labels_of(GARMENTS, GROUPS)
    assert label_of.tolist() == LABEL_OF
    assert label_of.dtype == np.int64


def test_the_committed_groups_are_partitions(params: dict[str, Any]) -> None:
    for names, key in ((GARMENTS, "groups"), (DIGITS, "digit_groups")):
        assert set(labels_of(names, params["prepare"][key], key)) == set(range(len(params["prepare"][key])))


def test_any_partition_is_accepted() -> None:
    assert labels_of(GARMENTS, [[name] for name in reversed(GARMENTS)]).tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert labels_of(GARMENTS, [["Bag"], [name for name in GARMENTS if name != "Bag"]]).tolist() == [1] * 8 + [0, 1]


WRONG: dict[str, tuple[list[list[str]], list[str]]] = {
    "missing": ([HALVES[0], HALVES[1][:4]], ["'Ankle boot' is missing"]),
    "twice in a group": ([[*HALVES[0], "Coat"], HALVES[1]], ["'Coat' is listed 2 times"]),
    "in two groups": ([HALVES[0], [*HALVES[1], "Coat"]], ["'Coat' is listed 2 times"]),
    "unknown": ([HALVES[0], [*HALVES[1], "Hat"]], ["'Hat' is unknown"]),
    "misspelt": ([HALVES[0], ["sandal", *HALVES[1][1:]]], ["'Sandal' is missing", "'sandal' is unknown"]),
    "an empty group": ([HALVES[0], [], HALVES[1]], ["group 1 is empty"]),
    "one group": ([list(GARMENTS)], ["there are fewer than two groups"]),
    "no group": ([], ["'Trouser' is missing", "there are fewer than two groups"]),
    "digits": (DIGIT_HALVES, ["'Bag' is missing", "'seven' is unknown"]),
    "several": ([["Bag", "Bag", "Hat"], []], ["'Shirt' is missing", "'Bag' is listed 2", "'Hat'", "group 1 is empty"]),
}


@pytest.mark.parametrize(("groups", "problems"), WRONG.values(), ids=WRONG)
def test_groups_that_are_no_partition_are_refused_by_name(
    groups: list[list[str]], problems: list[str], split: Prepare
) -> None:
    with pytest.raises(UserError, match=r"^params.yaml: prepare.groups: must have each of T-shirt/top, .* once") as no:
        split(known(), groups=groups)
    assert [problem for problem in problems if problem not in str(no.value)] == []
    assert "\n" not in str(no.value)


def test_a_name_that_is_right_is_not_complained_about() -> None:
    with pytest.raises(UserError) as refusal:
        labels_of(GARMENTS, [HALVES[0], [*HALVES[1][1:], "Hat"]])
    assert str(refusal.value).endswith("Got groups in which 'Sandal' is missing; 'Hat' is unknown.")


def test_digits_take_digit_groups_and_errors_say_so(split: Prepare) -> None:
    with pytest.raises(UserError, match="prepare.digit_groups: .* 'nine' is missing"):
        split(known(DIGITS), digit_groups=[DIGIT_HALVES[0], DIGIT_HALVES[1][:4]])
    assert split(known(DIGITS), digit_groups=DIGIT_HALVES).splits["test"].y.tolist() == [0] * 5 + [1] * 5


def test_groups_do_not_matter_for_labels_without_names(split: Prepare) -> None:
    images = known()._replace(names=())
    assert split(images, groups=[["nonsense"]]).labels == [str(number) for number in range(10)]


# The split


def test_the_split_is_scikit_learns_with_seed_27(split: Prepare) -> None:
    images = known()
    prepared = split(images)
    x_train, x_val, y_train, y_val = train_test_split(images.x_train, images.y_train, test_size=0.2, random_state=27)
    assert np.array_equal(prepared.splits["train"].x, x_train)
    assert np.array_equal(prepared.splits["val"].x, x_val)
    assert np.array_equal(prepared.splits["train"].garments, y_train)
    assert np.array_equal(prepared.splits["val"].garments, y_val)
    assert (len(x_train), len(x_val)) == (40, 10)


def test_every_image_keeps_its_own_label_and_garment(split: Prepare) -> None:
    images = known()
    prepared = split(images, groups=HALVES)
    for part in (prepared.splits["train"], prepared.splits["val"]):
        numbers = part.x[:, 0, 0]
        assert np.array_equal(part.ids, [f"train {number}" for number in numbers])
        assert np.array_equal(part.garments, images.y_train[numbers])
        assert np.array_equal(part.y, images.y_train[numbers] >= 5)
    both = np.concatenate([prepared.splits["train"].x, prepared.splits["val"].x])
    assert sorted(both[:, 0, 0].tolist()) == list(range(50))


def test_the_test_images_stay_in_their_order(split: Prepare) -> None:
    images = known()
    prepared = split(images, groups=HALVES)
    assert np.array_equal(prepared.splits["test"].x, images.x_test)
    assert prepared.splits["test"].y.tolist() == [0] * 5 + [1] * 5
    assert prepared.splits["test"].garments.tolist() == list(range(10))
    assert prepared.splits["test"].ids.tolist() == [f"test {row}" for row in range(10)]


def test_arrays_have_the_promised_types(split: Prepare) -> None:
    for images in (known(), known()._replace(names=())):
        prepared = split(images)
        for part in prepared.splits.values():
            kinds = {key: array.dtype for key, array in part._asdict().items()}
            assert kinds == {"x": np.uint8, "y": np.int64, "garments": np.int64, "ids": part.ids.dtype}
            assert part.ids.dtype.kind == "U"


def test_another_seed_splits_otherwise_and_another_share_by_that_share(split: Prepare) -> None:
    assert not np.array_equal(split(known(), seed=1).splits["val"].x, split(known(), seed=2).splits["val"].x)
    assert len(split(known(), val_size=0.5).splits["val"].x) == 25


def test_images_of_files_are_known_by_them(split: Prepare) -> None:
    images = known()
    files_train, files_test = (tuple(f"a b/{row}.png" for row in range(n)) for n in (50, 10))
    parts = split(images._replace(files_train=files_train, files_test=files_test)).splits
    for image, image_id in zip(parts["val"].x, parts["val"].ids, strict=True):
        _, row, file = image_id.split(" ", 2)
        assert file == f"a b/{row}.png"
        assert np.array_equal(image, images.x_train[int(row)])
    assert parts["test"].ids[3] == "test 3 a b/3.png"


def test_inputs_are_not_modified(split: Prepare) -> None:
    for images in (known(), known()._replace(names=())):
        public = known()
        before = [array.copy() for array in (*images[:4], *public[:4])]
        split(images, public)
        for one, other in zip((*images[:4], *public[:4]), before, strict=True):
            assert np.array_equal(one, other)


def test_a_split_that_leaves_a_label_without_training_images_is_refused(split: Prepare) -> None:
    images = Images(numbered(4), np.array([0, 0, 0, 1]), numbered(1), np.array([0]))
    with pytest.raises(
        UserError, match="prepare.val_size: must leave training images of each of the 2 labels. Got 0.75 of 4 images"
    ):
        split(images, val_size=0.75)


def test_a_split_that_leaves_no_training_image_is_refused(split: Prepare) -> None:
    with pytest.raises(UserError, match="prepare.val_size: must .* Got 0.99 of 50 images, which leaves 0 and not"):
        split(known(), val_size=0.99)


# Labels without names


def test_labels_without_names_stay_as_in_the_file(split: Prepare) -> None:
    values = np.array([12, 3, 900] * 5)
    prepared = split(Images(numbered(15), values, numbered(3, 15), np.array([900, 3, 3])))
    assert prepared.labels == ["3", "12", "900"]
    assert prepared.splits["test"].y.tolist() == [2, 0, 0]
    for part in (prepared.splits["train"], prepared.splits["val"]):
        assert np.array_equal(np.array([3, 12, 900])[part.y], values[part.x[:, 0, 0]])


def test_words_are_the_labels_names(split: Prepare) -> None:
    images = Images(numbered(15), np.array([1, 0, 2] * 5), numbered(3, 15), np.array([2, 0, 0]), labels=("a", "b", "c"))
    prepared = split(images)
    assert (prepared.labels, prepared.names) == (["a", "b", "c"], [])
    assert prepared.splits["test"].y.tolist() == [2, 0, 0]


def test_without_public_images_no_garment_is_known(split: Prepare) -> None:
    prepared = split(known()._replace(names=()))
    assert prepared.names == []
    assert {int(value) for part in prepared.splits.values() for value in part.garments} == {UNKNOWN}


def test_shuffled_public_images_behind_labels_are_recovered(split: Prepare) -> None:
    public = known()
    order = np.random.default_rng(0).permutation(50)
    hidden = np.array([4, 4, 1, 1, 0, 0, 2, 2, 3, 3])[public.y_train[order]]
    prepared = split(Images(public.x_train[order], hidden, public.x_test[::-1], hidden[:10]), public)
    for part in (prepared.splits["train"], prepared.splits["val"]):
        assert np.array_equal(part.garments, public.y_train[part.x[:, 0, 0]])
    assert prepared.splits["test"].garments.tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert prepared.names == list(GARMENTS)


# The real data


def test_groups_add_up_the_published_numbers_of_images(fashion: Images, split: Prepare) -> None:
    prepared = split(fashion)
    assert np.bincount(prepared.splits["test"].y).tolist() == [2_000, 1_000, 2_000, 2_000, 3_000]
    both = np.concatenate([prepared.splits["train"].y, prepared.splits["val"].y])
    assert np.bincount(both).tolist() == [12_000, 6_000, 12_000, 12_000, 18_000]
    assert (len(prepared.splits["train"].y), len(prepared.splits["val"].y)) == (48_000, 12_000)


# What the images show


@pytest.mark.parametrize(
    ("names", "garments", "subject_of_images"),
    [
        (GARMENTS, [0, 9, 3], "Fashion-MNIST"),
        (DIGITS, [0, 9, 3], "digits"),
        (GARMENTS, [0, UNKNOWN], "Fashion-MNIST"),
        (GARMENTS, [0, UNKNOWN, AMBIGUOUS], "unknown"),
        (GARMENTS, [UNKNOWN, UNKNOWN], "unknown"),
        ((), [UNKNOWN], "unknown"),
    ],
)
def test_what_the_images_show(names: tuple[str, ...], garments: list[int], subject_of_images: str) -> None:
    assert subject(names, np.array(garments)) == subject_of_images
    assert subject(list(names), np.array(garments)) == subject_of_images


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
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["prepare"]
    outs = [out for kind in ("outs", "metrics", "plots") for out in graph.get(kind, [])]
    return {out if isinstance(out, str) else next(iter(out)) for out in outs}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the stage ran on images of known names."""
    folder = tmp_path_factory.mktemp("prepared")
    params = read_params(str(ROOT / "params.yaml"))
    params["prepare"]["groups"] = GROUPS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "written", [])
        assert run_main(folder, params, images=known()) == declared()
    return folder


def test_the_stage_writes_arrays_labels_and_garments_in_one_order(folder: Path) -> None:
    garments = arrays(folder / "data/garments.npz")
    assert garments["names"].tolist() == list(GARMENTS)
    assert garments["test"].tolist() == list(range(10))
    for split in SPLITS:
        assert np.array_equal(arrays(folder / f"data/{split}.npz")["y"], np.array(LABEL_OF)[garments[split]])


def test_the_ids_lead_back_to_what_was_given(folder: Path) -> None:
    images, ids = known(), arrays(folder / "data/image_ids.npz")
    for split, given in (("train", images.x_train), ("val", images.x_train), ("test", images.x_test)):
        assert np.array_equal(
            arrays(folder / f"data/{split}.npz")["x"], given[[int(name.split()[1]) for name in ids[split]]]
        )


def test_those_who_learn_get_no_garments(folder: Path) -> None:
    for split in SPLITS:
        content = arrays(folder / f"data/{split}.npz")
        assert set(content) == {"x", "y", "labels"}
        assert content["labels"].tolist() == list("01234")


def test_the_counts_are_those_of_the_files(folder: Path) -> None:
    rows = read_csv(folder / "metrics/prepare/class_counts.csv")
    table = {(row["split"], row["label"]): int(row["count"]) for row in rows}
    assert [table["test", label] for label in "01234"] == [2, 1, 2, 2, 3]
    assert [table["train", label] + table["val", label] for label in "01234"] == [10, 5, 10, 10, 15]
    for split in SPLITS:
        y = arrays(folder / f"data/{split}.npz")["y"]
        assert [table[split, label] for label in "01234"] == np.bincount(y, minlength=5).tolist()
    assert read_json(folder / "metrics/prepare/splits.json") == {
        "subject": "Fashion-MNIST",
        "labels": list("01234"),
        "counts": {split: {label: table[split, label] for label in "01234"} for split in SPLITS},
    }


@pytest.mark.parametrize("first", [0, 100], ids=["the same", "others"])
def test_a_users_images_beside_the_public_ones(first: int, tmp_path: Path, params: dict[str, Any]) -> None:
    mine = known()._replace(names=())
    public = known()._replace(x_train=numbered(50, first), x_test=numbered(10, first + 50))
    assert run_main(tmp_path, params, images=mine, public=public) == declared()
    report = read_json(tmp_path / "metrics/prepare/splits.json")
    assert report["subject"] == ("unknown" if first else "Fashion-MNIST")
    garments = arrays(tmp_path / "data/garments.npz")["test"].tolist()
    assert garments == ([UNKNOWN] * 10 if first else list(range(10)))


def test_a_users_images_alone(tmp_path: Path, params: dict[str, Any]) -> None:
    assert run_main(tmp_path, params, images=known()._replace(names=())) == declared()
    assert read_json(tmp_path / "metrics/prepare/splits.json")["subject"] == "unknown"
    assert arrays(tmp_path / "data/garments.npz")["names"].tolist() == []


def test_wrong_groups_leave_nothing_behind(tmp_path: Path, params: dict[str, Any]) -> None:
    params["prepare"]["groups"] = [*HALVES, ["Hat"]]
    with pytest.raises(UserError, match="'Hat' is unknown"):
        run_main(tmp_path, params, images=known())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["images.npz"]
