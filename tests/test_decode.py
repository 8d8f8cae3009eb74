import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src import decode as stage_decode
from src import prepare, stage, tracking
from src.data import GARMENTS, Images, read_digits
from src.decode import decode
from src.nearest import nearest
from src.prepare import AMBIGUOUS, UNKNOWN, labels_of
from src.stage import UserError

NAMES = list(GARMENTS)
PARAMS = stage.read_params(str(Path(__file__).parents[1] / "params.yaml"))
BLOCK = PARAMS["decode"]
LABELS = list("01234")
GROUPS = labels_of(NAMES, PARAMS["prepare"]["groups"])


@st.composite
def groupings(draw: st.DrawFn) -> np.ndarray:
    """The label of each of the ten garments, (10,), any grouping behind two to ten labels."""
    labels = draw(st.integers(2, 10))
    rest = draw(st.lists(st.integers(0, labels - 1), min_size=10 - labels, max_size=10 - labels))
    return np.array(draw(st.permutations([*range(labels), *rest])))


def hidden(label_of: np.ndarray, each: int = 10, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Labelled garments in random order: `each` of every garment for testing, six times as many for training."""
    rng = np.random.default_rng(seed)
    splits = {}
    for split, images in {"train": 6 * each, "test": each}.items():
        garments = rng.permutation(np.repeat(np.arange(10), images))
        splits[split] = {
            "garments": garments,
            "y": label_of[garments],
            "names": np.array([f"{split} {row}" for row in range(len(garments))]),
        }
    return splits


def flip(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The labels, each with that probability another one, any other being as likely."""
    rng = np.random.default_rng(seed)
    other = (y + rng.integers(1, y.max() + 1, len(y))) % (y.max() + 1)
    return np.where(rng.random(len(y)) < share, other, y)


def report_of(splits: dict[str, Any], predicted: np.ndarray | None = None) -> dict[str, Any]:
    labels = [str(label) for label in range(int(splits["train"]["y"].max()) + 1)]
    return decode(splits, labels, NAMES, predicted, **BLOCK)


def found(report: dict[str, Any]) -> list[int]:
    """The label of each garment as decoded, in the order of the names; -1 where it has none."""
    of_name = {name: int(label) for label, row in report["decoding"].items() for name in row["garments"]}
    return [of_name.get(name, -1) for name in NAMES]


# What is recovered


@given(groupings(), st.integers(0, 2**32 - 1))
def test_any_mapping_of_any_groups_is_recovered_from_shuffled_images(label_of: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = np.arange(240).astype(np.uint8).reshape(240, 1, 1)
    garments = np.arange(240) % 10
    public = Images(images[:180], garments[:180], images[180:], garments[180:], GARMENTS)
    values = np.sort(rng.choice(1000, label_of.max() + 1, replace=False))  # any numbers may stand for the labels
    train, test = rng.permutation(180), rng.permutation(60)
    y_train, y_test = values[label_of[garments[train]]], values[label_of[garments[test]]]
    mine = Images(public.x_train[train], y_train, public.x_test[test], y_test)
    prepared = prepare.prepare(mine, public, **PARAMS["prepare"])
    splits = {split: prepared[split] for split in ("train", "val", "test")}
    report = decode(splits, prepared["labels"], prepared["garments"], **BLOCK)
    groups = {str(values[i]): {NAMES[g] for g in np.flatnonzero(label_of == i)} for i in range(len(values))}
    assert {label: set(row["garments"]) for label, row in report["decoding"].items()} == groups
    assert report["certified"]
    assert report["exceptions"] == {"total": 0, "listed": []}


@settings(max_examples=30)
@given(groupings(), st.floats(0, 0.1), st.integers(0, 2**32 - 1))
def test_flipped_labels_change_only_the_exceptions(label_of: np.ndarray, share: float, seed: int) -> None:
    splits = hidden(label_of, each=100, seed=seed)
    clean = {split: arrays["y"] for split, arrays in splits.items()}
    for arrays in splits.values():
        arrays["y"] = flip(arrays["y"], share, seed)
    report = report_of(splits)
    assert found(report) == label_of.tolist()
    assert report["certified"]
    flipped = [f"{split} {row}" for split, y in clean.items() for row in np.flatnonzero(y != splits[split]["y"])]
    assert report["exceptions"]["total"] == len(flipped)
    assert [row["image"] for row in report["exceptions"]["listed"]] == flipped[: BLOCK["listed"]]


@given(groupings(), st.integers(0, 2**32 - 1))
def test_predicted_garments_and_counts_recover_what_no_public_image_tells(label_of: np.ndarray, seed: int) -> None:
    splits = hidden(label_of, each=100, seed=seed)
    predicted = flip(splits["test"]["garments"], 0.2, seed)
    for arrays in splits.values():
        arrays["garments"] = np.full_like(arrays["garments"], UNKNOWN)
    report = report_of(splits, predicted)
    assert found(report) == label_of.tolist()
    assert report["prediction"]["doubts"] == []
    assert not report["certified"]


# What is in the report


def test_tables_counts_and_shares_by_hand() -> None:
    splits = hidden(GROUPS)
    sandal = np.flatnonzero(splits["test"]["garments"] == GARMENTS.index("Sandal"))[0]
    splits["test"]["y"][sandal] = 4
    report = report_of(splits)
    assert report["table"]["test"]["Sandal"] == {"1": 9, "4": 1}
    assert report["table"]["train"]["Coat"] == {"4": 60}
    evidence = report["decoding"]["1"]["evidence"]["Sandal"]
    assert (evidence["images"], evidence["share"]) == (70, 69 / 70)
    assert report["decoding"]["1"]["purity"]["share"] == 1
    assert report["decoding"]["4"]["purity"]["share"] == 210 / 211
    assert report["count_check"]["test"]["1"] == {"images": 9, "expected": 10, "lost": 1, "gained": 0, "agrees": True}
    assert report["certified"]


def test_a_garment_that_two_labels_share_is_claimed_for_neither() -> None:
    splits = hidden(GROUPS)
    for split in splits.values():
        split["y"][np.flatnonzero(split["garments"] == GARMENTS.index("Bag"))[::2]] = 0
    report = report_of(splits)
    assert report["undecided"] == ["Bag"]
    assert report["decoding"]["3"]["garments"] == ["Sneaker"]
    assert not report["certified"]


def test_a_garment_without_images_is_undecided_and_spoils_the_certificate() -> None:
    splits = hidden(GROUPS)
    for split, arrays in splits.items():
        splits[split] = {key: array[arrays["garments"] != 0] for key, array in arrays.items()}
    report = report_of(splits)
    assert report["undecided"] == ["T-shirt/top"]
    assert not report["certified"]


def test_ambiguous_and_unknown_images_are_counted_and_never_guessed() -> None:
    splits = hidden(GROUPS)
    splits["test"]["garments"][:3] = [AMBIGUOUS, AMBIGUOUS, UNKNOWN]
    report = report_of(splits)
    assert report["known"]["test"] == {"images": 100, "known": 97, "ambiguous": 2, "unknown": 1}
    assert sum(sum(row.values()) for row in report["table"]["test"].values()) == 97
    assert found(report) == GROUPS.tolist()
    assert not report["certified"]


def test_without_public_data_nothing_is_claimed() -> None:
    splits = hidden(GROUPS)
    for split in splits.values():
        split["garments"][:] = UNKNOWN
    report = decode(splits, LABELS, [], **BLOCK)
    assert all(row["garments"] == [] for row in report["decoding"].values())
    assert not report["certified"]


def test_test_labels_in_another_order_fail_the_certificate() -> None:
    splits = hidden(GROUPS, each=100)
    splits["test"]["y"] = np.random.default_rng(0).permutation(splits["test"]["y"])
    with pytest.raises(UserError, match="Check that images and labels are in the same order"):
        report_of(splits)


def test_predictions_that_fit_nothing_claim_nothing() -> None:
    splits = hidden(GROUPS, each=100)
    for arrays in splits.values():
        arrays["garments"] = np.full_like(arrays["garments"], UNKNOWN)
    report = report_of(splits, np.random.default_rng(0).integers(0, 10, 1000))
    assert report["undecided"] == NAMES
    assert "less than 70% of the images agree" in report["prediction"]["doubts"]


def test_what_the_lookup_decides_is_not_predicted() -> None:
    splits = hidden(GROUPS)
    report = report_of(splits, predicted=np.zeros(100, int))
    assert report["prediction"] is None
    assert report["certified"]


def test_a_share_that_two_labels_can_have_is_refused(params: dict[str, Any]) -> None:
    params["decode"]["min_share"] = 0.5
    with pytest.raises(UserError, match=r"decode.min_share: must be a number in \(0.5, 1\). Got 0.5."):
        stage.check(params)


def test_shown_images_are_the_first_and_the_first_of_each_label() -> None:
    splits = {"test": {"y": np.array([1, 0, 0, 0, 1]), "garments": np.array([1, 0, 0, 0, 1])}}
    shown = decode(splits, ["a", "b"], ["zero", "one"], **(BLOCK | {"sheet": 4, "per_label": 2}))["shown"]
    assert shown == {"sheet": [0, 1, 2, 3], "per_label": {"a": [1, 2], "b": [0, 4]}}


# The stage


class Tags(dict[str, Any]):
    """Stands for the encoder's MLflow run."""

    tags = dict.update


@pytest.fixture
def tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tags:
    """The tags that the stage sets; it runs in a folder of its own."""
    tags = Tags()

    @contextmanager
    def resumed_run(model: str, run_id: str) -> Iterator[Tags]:
        yield tags

    monkeypatch.setattr(tracking, "resumed_run", resumed_run)
    monkeypatch.setattr(stage, "_written", [])
    monkeypatch.chdir(tmp_path)
    return tags


def run_stages(public: Images, mine: Images) -> Any:
    """The report of `prepare` and `decode` on a user's images beside the public ones."""
    Path("data/raw").mkdir(parents=True)
    public.save(Path("data/raw/public.npz"))
    mine.save(Path("data/raw/images.npz"))
    prepare.main(PARAMS)
    np.savez("data/clusters.npz", kmeans=np.arange(len(mine.y_test)) % 5)
    Path("models/train").mkdir(parents=True)
    Path("models/train/cm4.json").write_text('{"replicas": [{"run_id": "1"}]}')
    Path("data/published.json").write_text((stage.SRC.parent / "data/published.json").read_text())
    few = {"sheet": 10, "per_label": 2}
    stage_decode.main(PARAMS | {"data": {"source": "csv"}, "decode": BLOCK | few})
    return json.loads(Path("metrics/decoding.json").read_text())


DIGITS = read_digits()
LABEL_OF = labels_of(DIGITS.names, PARAMS["prepare"]["digit_groups"])
HIDDEN = DIGITS._replace(y_train=LABEL_OF[DIGITS.y_train], y_test=LABEL_OF[DIGITS.y_test], names=())


def test_public_digits_in_public_order_are_decoded_and_certified(tags: Tags) -> None:
    report = run_stages(DIGITS, HIDDEN)
    assert report["certified"]
    assert report["in_public_order"] == {"train": True, "test": True}
    assert report["equal_public_images"]["total"] == 0
    assert report["decoding"]["1"]["garments"] == ["five"]
    assert (tags["label_1"], tags["decoding_certified"]) == ("five", True)
    assert json.loads(Path("metrics/decode.json").read_text())["known_share"] == 1


@pytest.mark.usefixtures("tags")
def test_a_wrong_label_is_named_by_its_row_in_the_users_files() -> None:
    y_train, y_test = HIDDEN.y_train.copy(), HIDDEN.y_test.copy()
    y_train[123], y_test[45] = (y_train[123] + 1) % 5, (y_test[45] + 1) % 5
    report = run_stages(DIGITS, HIDDEN._replace(y_train=y_train, y_test=y_test))
    assert [row["image"] for row in report["exceptions"]["listed"]] == ["train 123", "test 45"]
    assert report["certified"]


def test_other_images_of_the_same_digits_are_decoded_by_the_nearest(tags: Tags) -> None:
    half = DIGITS._replace(x_train=DIGITS.x_train[:700], y_train=DIGITS.y_train[:700])
    rest = HIDDEN._replace(x_train=HIDDEN.x_train[700:], y_train=HIDDEN.y_train[700:])
    report = run_stages(half._replace(x_test=half.x_train[:0], y_test=half.y_train[:0]), rest)
    named = [[DIGITS.names[i] for i in np.flatnonzero(label == LABEL_OF)] for label in range(5)]
    assert [row["garments"] for row in report["decoding"].values()] == named
    assert "It is claimed, not certified." in report["conclusion"]
    assert report["prediction"]["agreement"]["share"] > 0.9
    assert not tags["decoding_certified"]


def test_a_mapping_that_fails_the_certificate_fails_the_stage_and_nothing_is_written(tags: Tags) -> None:
    with pytest.raises(UserError, match=r"label \d in all splits together; .* in test \(decode.min_share\)"):
        run_stages(DIGITS, HIDDEN._replace(y_test=np.roll(HIDDEN.y_test, 1)))
    written = {path.name for path in Path("metrics").iterdir()}
    assert written == {"class_counts.csv", "class_counts.png", "prepare.json"}
    assert tags == {}


def test_images_of_something_else_claim_nothing(params: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    predicted = nearest(rng.integers(0, 256, DIGITS.x_test.shape).astype(np.uint8), DIGITS, **params["nearest"])
    arrays = {"y": HIDDEN.y_test, "garments": np.full(len(predicted), UNKNOWN)}
    report = decode({"test": arrays}, LABELS, list(DIGITS.names), predicted, **BLOCK)
    assert report["undecided"] == list(DIGITS.names)
