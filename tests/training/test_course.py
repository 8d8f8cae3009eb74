from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from src.images.splits import Labelled
from src.pipeline import files, tracking
from src.pipeline.files import UserError
from src.training import checkpoint, course
from src.training.checkpoint import Record
from src.training.course import Course

RECIPE = {"seed": 7, "epochs": 2, "batch_size": 5}
DATA = Labelled(np.zeros((12, 3, 3), np.uint8), np.arange(12) % 2), Labelled(np.zeros((4, 3, 3), np.uint8), np.zeros(4))
LOGS = {"loss": 0.5, "accuracy": 0.75, "val_loss": 0.25, "val_accuracy": 0.12345678}


class Runs:
    """MLflow runs that note what they are told, and which epochs were in the checkpoint then."""

    def __init__(self, path: Path) -> None:
        self.path, self.told = path, list[tuple[Any, ...]]()

    @contextmanager
    def run(self, model: str, name: str, params: Any, *, run_id: str | None, parent_id: str) -> Iterator[Any]:
        self.told.append(("open", name, run_id, parent_id))

        def log_epoch(epoch: int, logs: dict[str, float]) -> None:
            found = checkpoint.load(self.path)
            self.told.append(("epoch", epoch, len(found.record.history) if found else 0, logs["val_accuracy"]))

        yield SimpleNamespace(
            id=run_id or "new",
            log_epoch=log_epoch,
            log_metrics=lambda metrics: self.told.append(("metrics", metrics)),
            log_dataset=lambda name, context, x, y: self.told.append(("data", name, context, x.shape)),
            log_model=lambda path, **facts: self.told.append(("model", path, facts)),
        )
        self.told.append(("closed",))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the checkpoint is; the current folder is empty but for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "written", [])
    (tmp_path / ".checkpoints").mkdir()
    return tmp_path / ".checkpoints/key.checkpoint"


@pytest.fixture
def runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs(path)
    monkeypatch.setattr(tracking, "training_run", runs.run)
    return runs


def network(units: int = 2) -> keras.Model:
    keras.utils.set_random_seed(7)
    images = keras.Input((3, 3), name="images")
    hidden = keras.layers.Dense(units, name="embedding")(keras.layers.Flatten(name="flatten")(images))
    model = keras.Model(images, keras.layers.Dense(2, name="label")(hidden), name="network")
    model.compile("adam", "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def training(path: Path | None) -> Course:
    found = checkpoint.load(path) if path else None
    return Course("tiny", RECIPE, {"device": "CPU"}, DATA, path=path, found=found, parent_id="parent")


def interrupted(path: Path, epochs: int) -> keras.Model:
    """A training that ended after so many epochs; its network, whose weights are 1, 2, ... times the initial ones."""
    model, course = network(), training(path)
    course.start(model)
    for epoch in range(1, epochs + 1):
        model.set_weights([weights + 1 for weights in model.get_weights()])
        course.end_epoch(epoch, LOGS)
    return model


def test_an_epoch_is_kept_before_its_run_hears_of_it(path: Path, runs: Runs) -> None:
    interrupted(path, 2)
    assert runs.told == [
        ("open", "tiny-seed7", None, "parent"),
        ("data", "train", "training", (12, 3, 3)),
        ("data", "val", "validation", (4, 3, 3)),
        ("epoch", 1, 1, 0.123457),
        ("epoch", 2, 2, 0.123457),
    ]


def test_a_training_goes_on_in_the_same_run_with_its_seconds(
    path: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 103.0, 200.0, 204.5])  # start, an epoch; start, an epoch
    monkeypatch.setattr(course, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    before = interrupted(path, 1)
    runs.told.clear()
    model = network()
    with training(path) as resumed:
        assert resumed.start(model) == 2
        assert all((a == b).all() for a, b in zip(model.get_weights(), before.get_weights(), strict=True))
        resumed.end_epoch(2, LOGS)
        report = resumed.finish()
    assert report == {"seed": 7, "run_id": "new", "train_seconds": 7.5, "n_resumed": 1}
    assert [row["epoch"] for row in resumed.record.history] == [1, 2]
    assert runs.told[0] == ("open", "tiny-seed7", "new", "parent")
    assert runs.told[3:] == [
        ("epoch", 1, 1, 0.123457),  # once more: the process may have ended before its run heard of it
        ("epoch", 2, 2, 0.123457),
        ("metrics", {"train_seconds": 7.5, "n_resumed": 1, "n_params": model.count_params()}),
        ("model", "models/tiny/7.keras", {"shape": (3, 3), "classes": 2, "backend": "tensorflow"}),
        ("closed",),
    ]


def test_a_training_that_ended_before_its_run_was_closed_is_only_closed(path: Path, runs: Runs) -> None:
    before = interrupted(path, 2)
    runs.told.clear()
    with training(path) as resumed:
        assert resumed.start(model := network()) == 3
        assert resumed.finish()["n_resumed"] == 0
    assert [told[0] for told in runs.told] == ["open", "data", "data", "epoch", "metrics", "model", "closed"]
    assert all((a == b).all() for a, b in zip(model.get_weights(), before.get_weights(), strict=True))


def test_a_finished_training_gives_its_model_again_and_tells_nobody(path: Path, runs: Runs) -> None:
    course, model = training(path), network()
    course.start(model)
    for epoch in (1, 2):
        course.end_epoch(epoch, LOGS)
    report = course.finish()
    saved = Path("models/tiny/7.keras").read_bytes()
    Path("models/tiny/7.keras").unlink()
    runs.told.clear()
    with training(path) as again:
        assert again.start(network()) == 3
        assert again.finish() == report
    assert Path("models/tiny/7.keras").read_bytes() == saved
    assert runs.told == []
    assert again.record.history == course.record.history


def test_a_checkpoint_of_another_network_is_told_and_not_used(
    path: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(path, 1)
    other = network(units=3)
    before = other.get_weights()
    with training(path) as course:
        assert course.start(other) == 1
        course.end_epoch(1, LOGS)
    assert "does not fit the network: the training starts over" in capsys.readouterr().out
    assert all((a == b).all() for a, b in zip(other.get_weights(), before, strict=True))
    found = checkpoint.load(path)
    assert found
    assert (len(found.record.history), found.record.n_resumed) == (1, 0)


def test_without_a_place_nothing_is_kept(path: Path, runs: Runs) -> None:
    with training(None) as course:
        course.start(network())
        course.end_epoch(1, LOGS)
    assert list(path.parent.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_is_told_and_the_training_goes_on(
    path: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(path, 1)
    before = path.read_bytes()
    (path.parent / f".unfinished.{path.name}").symlink_to("/dev/full")
    with training(path) as course:
        course.start(network())
        course.end_epoch(2, LOGS)
    assert "train: tiny-seed7: no checkpoint of epoch 2: No space left on device." in capsys.readouterr().out
    assert path.read_bytes() == before


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_refused_and_not_kept(path: Path, runs: Runs, loss: float) -> None:
    course = training(path)
    course.start(network())
    with pytest.raises(UserError, match="models.tiny: the loss must stay finite. Got .* in epoch 1"):
        course.end_epoch(1, LOGS | {"loss": loss})
    assert checkpoint.load(path) is None


@pytest.mark.parametrize("folder", ["models/tiny", ".checkpoints"])
def test_before_the_training_there_must_be_room(path: Path, runs: Runs, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, ".unfinished.probe").symlink_to("/dev/full")
    with pytest.raises(UserError, match=rf"{folder} must be writable and have 0.0 MB of room. No space left"):
        training(path).start(network())
    assert runs.told == []


def test_a_new_record_is_of_a_training_that_has_not_begun() -> None:
    assert (Record().history, Record().train_seconds, Record().closed) == ([], 0, False)
