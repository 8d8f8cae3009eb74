from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src import decode as stage
from src import prepare
from src.decoding.neighbors import scale
from src.images.digits import read_digits
from src.images.store import Images
from src.params import check
from src.pipeline import files, tracking
from src.pipeline.files import UserError, read_csv, read_json, repository_root, write_json

DIGITS = read_digits()
Params = dict[str, Any]


class Tags(dict[str, Any]):
    """Stands for the encoder's MLflow run."""

    set_tags = dict.update


@pytest.fixture
def tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tags:
    """The tags that the stage sets; it runs in a folder of its own."""
    tags = Tags()

    @contextmanager
    def resumed_run(model: str, name: str, run_id: str) -> Iterator[Tags]:
        assert (model, name, run_id) == ("toy", "toy-seed7", "1")
        yield tags

    monkeypatch.setattr(tracking, "resumed_run", resumed_run)
    monkeypatch.setattr(files, "written", [])
    monkeypatch.chdir(tmp_path)
    return tags


def run_stages(params: Params, images: Images, public: Images | None = None) -> Any:
    """decoding.json after `prepare` and `decode` of these images."""
    Path("data/raw").mkdir(parents=True)
    images.save(Path("data/raw/images.npz"))
    if public:
        public.save(Path("data/raw/public.npz"))
    prepare.main(params)
    np.savez("data/clusters.npz", kmeans=np.arange(len(images.y_test)) % 5)
    write_json("data/runs/toy.json", {"seeds": [{"seed": 7, "run_id": "1"}]})
    write_json("data/published.json", read_json(repository_root() / "data/published.json"))
    few = {"n_sheet": 10, "n_per_label": 2, "max_listed": 1}
    embed = {"model": "toy", "split": "test"}
    stage.main(params | {"embed": embed, "decode": params["decode"] | few})
    return read_json("metrics/decode/decoding.json")


def hide(images: Images, params: Params) -> tuple[Images, list[list[str]]]:
    """Digits behind labels, as a user's own images, and the digits of each label."""
    groups = params["prepare"]["digit_groups"]
    label_of = prepare.labels_of(images.names, groups)
    return images._replace(y_train=label_of[images.y_train], y_test=label_of[images.y_test], names=()), groups


def test_public_digits_are_decoded_and_certified(
    tags: Tags, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, groups = hide(DIGITS, params)
    decoding = run_stages(params, mine, DIGITS)
    assert decoding["certified"]
    assert [row["garments"] for row in decoding["decoding"].values()] == groups
    assert decoding["in_public_order"] == {"training": True, "test": True}
    assert decoding["equal_public_images"]["total"] == 0
    assert (tags["decoded.label_1"], tags["decoded.certified"]) == ("five", True)
    assert capsys.readouterr().out.endswith(f"decode: {decoding['conclusion']}\n")
    written = {path.name for path in Path("metrics/decode").iterdir()}
    assert written == {"decoding.json", "exceptions.csv", "sheet.png", "labels.png", "tables.svg"}
    assert read_csv("metrics/decode/exceptions.csv") == []


@pytest.mark.usefixtures("tags")
def test_labels_made_by_the_pipeline_are_compared_with_no_order_and_no_course(params: Params) -> None:
    decoding = run_stages(params, DIGITS)
    assert decoding["certified"]
    assert "it says nothing about the course's own labels" in decoding["conclusion"]
    assert not {"in_public_order", "against_written"} & set(decoding)


@pytest.mark.usefixtures("tags")
def test_wrong_labels_are_named_by_their_rows_in_the_users_files(params: Params) -> None:
    mine, _ = hide(DIGITS, params)
    y_train, y_test = mine.y_train.copy(), mine.y_test.copy()
    y_train[123], y_test[45] = (y_train[123] + 1) % 5, (y_test[45] + 1) % 5
    decoding = run_stages(params, mine._replace(y_train=y_train, y_test=y_test), DIGITS)
    rows = read_csv("metrics/decode/exceptions.csv")
    assert [row["image"] for row in rows] == ["train 123", "test 45"]
    assert [row["label"] for row in rows] == [str(y_train[123]), str(y_test[45])]
    assert [row["expected"] for row in rows] == [str(mine.y_train[123]), str(mine.y_test[45])]
    assert decoding["exceptions"] == {"total": 2, "listed": rows[:1]}
    assert not decoding["certified"]  # two labels have an image too few or too many
    assert "in 4 of 10 counts a label has more or fewer images" in decoding["conclusion"]


@pytest.mark.parametrize("side", [28, 14])
def test_other_images_of_the_same_digits_are_decoded_by_their_neighbors(tags: Tags, params: Params, side: int) -> None:
    mine, groups = hide(DIGITS, params)
    half = DIGITS._replace(x_train=DIGITS.x_train[:500], y_train=DIGITS.y_train[:500])
    half = half._replace(x_test=DIGITS.x_train[500:700], y_test=DIGITS.y_train[500:700])
    rest = mine._replace(x_train=scale(mine.x_train[700:], side), y_train=mine.y_train[700:])
    decoding = run_stages(params, rest._replace(x_test=scale(mine.x_test, side)), half)
    assert [row["garments"] for row in decoding["decoding"].values()] == groups
    assert "This is claimed, but not certified: 1,097 images are not known" in decoding["conclusion"]
    assert decoding["kappa"] > 0.85
    assert not tags["decoded.certified"]


@pytest.mark.usefixtures("tags")
def test_images_of_something_else_claim_nothing(params: Params) -> None:
    mine, _ = hide(DIGITS, params)
    noise = np.random.default_rng(0).integers(0, 256, mine.x_test.shape).astype(np.uint8)
    decoding = run_stages(params, mine._replace(x_train=255 - mine.x_train, x_test=noise), DIGITS)
    assert list(decoding["undecided"]) == list(DIGITS.names)
    assert "no mapping is claimed" in decoding["conclusion"]


def test_labels_a_row_too_low_in_the_training_file_are_told_and_not_certified(tags: Tags, params: Params) -> None:
    mine, groups = hide(DIGITS, params)
    rows = np.random.default_rng(0).permutation(len(mine.y_train))  # the digits come in the order 0, 1, 2, ...
    mine = mine._replace(x_train=mine.x_train[rows], y_train=np.roll(mine.y_train[rows], 1))
    decoding = run_stages(params, mine, DIGITS)
    claimed = [set(row["garments"]) for row in decoding["decoding"].values()]
    assert all(garments <= set(group) for garments, group in zip(claimed, groups, strict=True))
    assert len(decoding["hints"]) == 1
    assert decoding["hints"][0].startswith(
        "In training, labels look unrelated to what the images show. They fit if each"
    )
    assert "takes the label 1 row below its own" in decoding["hints"][0]
    assert decoding["hints"][0] in decoding["conclusion"]
    assert not tags["decoded.certified"]


@pytest.mark.usefixtures("tags")
def test_fashion_mnist_is_certified_and_held_against_what_was_written_in_2022(params: Params, fashion: Images) -> None:
    decoding = run_stages(params, fashion)
    assert decoding["certified"]
    assert decoding["known"]["train"]["known"] + decoding["known"]["val"]["known"] == 60_000
    assert [row["garments"] for row in decoding["decoding"].values()] == params["prepare"]["groups"]
    expected = {part: [row["expected"] for row in by.values()] for part, by in decoding["count_check"].items()}
    assert expected == {"training": [12000, 6000, 12000, 12000, 18000], "test": [2000, 1000, 2000, 2000, 3000]}
    assert decoding["mappings_that_fit_the_counts"] == 75_600
    assert decoding["against_written"]["2"]["only_written"] == ["Coat"]


@pytest.mark.usefixtures("tags")
def test_labels_in_other_proportions_are_not_held_against_2022(params: Params, fashion: Images) -> None:
    few = fashion._replace(x_test=fashion.x_test[:500], y_test=fashion.y_test[:500], x_train=fashion.x_train[:2000])
    decoding = run_stages(params, few._replace(y_train=fashion.y_train[:2000]))
    assert decoding["certified"]
    assert "against_written" not in decoding


@pytest.mark.usefixtures("tags")
def test_a_part_of_the_public_images_is_taken_for_a_sample(params: Params, fashion: Images) -> None:
    """What a user with `fetch.limit` has."""
    label_of = prepare.labels_of(fashion.names, params["prepare"]["groups"])
    mine = Images(
        fashion.x_train[:3000],
        label_of[fashion.y_train[:3000]],
        fashion.x_test[:500],
        label_of[fashion.y_test[:500]],
    )
    decoding = run_stages(params, mine, fashion)
    assert decoding["in_public_order"] == {"training": True, "test": True}
    row = decoding["count_check"]["training"]["4"]
    assert row["expected"] == 900
    assert row["low"] < row["images"] < row["high"]
    assert decoding["certified"]


def test_a_share_that_two_labels_can_have_is_refused(params: Params) -> None:
    params["decode"]["min_share"] = 0.5
    with pytest.raises(UserError, match=r"decode.min_share: must be a number in \(0.5, 1\). Got 0.5."):
        check(params)
