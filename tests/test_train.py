import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src import tracking
from src.stage import UserError
from src.train import LOSS, main, recipe_of, train

TINY: dict[str, Any] = {
    "architecture": "cm1",
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 16,
    "epochs": 2,
}


def separable(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Two classes that a glance tells apart: the left or the right half is bright."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.integers(0, 80, (n, 28, 28), dtype=np.uint8)
    for image, label in zip(x, y, strict=True):
        image[:, 14 * label : 14 * label + 14] += 150
    return {"x": x, "y": y}


def sets() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The training and the validation data."""
    return separable(80), separable(40, seed=1)


def one_hot(y: np.ndarray) -> np.ndarray:
    return np.eye(2, dtype=np.float32)[y]


def trained(**changes: Any) -> tuple[Any, list[dict[str, float]], int]:
    """The trained model, its epochs' logs, and how many steps it took."""
    logs: list[dict[str, float]] = []
    steps: list[int] = []
    on_epoch = lambda epoch, values: logs.append({"epoch": epoch} | values)  # noqa: E731
    model = train(*sets(), 3, steps.append, on_epoch, **TINY | changes)
    return model, logs, len(steps)


def test_a_separable_problem_is_learned() -> None:
    _, logs, _ = trained(epochs=4)
    assert logs[-1]["val_accuracy"] == 1
    assert logs[-1]["loss"] < logs[0]["loss"]


def test_every_epoch_and_every_batch_is_reported_the_short_last_one_too() -> None:
    _, logs, steps = trained(batch_size=30)
    assert [log["epoch"] for log in logs] == [1, 2]
    assert set(logs[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert steps == 2 * 3


def test_validation_logs_are_those_of_the_returned_model() -> None:
    model, logs, _ = trained()
    val = separable(40, seed=1)
    loss, accuracy = model.evaluate(val["x"], one_hot(val["y"]), batch_size=16, verbose=0)
    assert logs[-1]["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert logs[-1]["val_accuracy"] == pytest.approx(accuracy)


def test_one_step_on_all_images_is_the_step_that_keras_takes() -> None:
    ours, logs, _ = trained(batch_size=80, epochs=1, optimizer="sgd", learning_rate=0.1)
    stock, _, _ = trained(batch_size=80, epochs=1, optimizer="sgd", learning_rate=1e-30)  # as good as untrained
    stock.compile(keras.optimizers.SGD(0.1), LOSS)
    data = separable(80)
    stock_logs = stock.train_on_batch(data["x"], one_hot(data["y"]), return_dict=True)
    assert logs[0]["loss"] == pytest.approx(float(stock_logs["loss"]), rel=1e-5)
    for mine, theirs in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, again = trained()[0].get_weights(), trained()[0].get_weights()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_images_too_small_are_refused_in_words() -> None:
    small: dict[str, np.ndarray] = {"x": np.zeros((8, 8, 8), np.uint8), "y": np.arange(8) % 2}
    recipe = TINY | {"architecture": "vgg", "dropout": 0.5}
    with pytest.raises(UserError, match="vgg must have larger images. Got 8 x 8"):
        train(small, small, 3, lambda steps: None, lambda epoch, logs: None, **recipe)


@pytest.mark.parametrize(("key", "own"), [("epochs", 3), ("replicas", 5)])
def test_epochs_and_replicas_for_all_replace_the_models_own(params: dict[str, Any], key: str, own: int) -> None:
    assert recipe_of("cm4", params)[key] == own
    assert recipe_of("cm4", params | {key: 50}) == params["models"]["cm4"] | {key: 50}


def test_an_unknown_model_is_answered_with_the_known_ones(params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="one of cm1, cnn1, .* Got 'resnet'"):
        recipe_of("resnet", params)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with training and validation data and an MLflow store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "data").mkdir()
    for split, arrays in zip(("train", "val"), sets(), strict=True):
        np.savez(f"data/{split}.npz", x=arrays["x"], y=arrays["y"])
    return tmp_path


@pytest.mark.usefixtures("workspace")
def test_the_stage_leaves_model_history_layers_report_and_run(params: dict[str, Any]) -> None:
    params["models"] = {"tiny": TINY | {"replicas": 2}}
    main(params, "tiny")
    report = json.loads(Path("models/train/tiny.json").read_text())
    assert (report["epochs"], report["loss"]) == (2, LOSS)
    seeds = [params["seed"], params["seed"] + 1]
    assert [training["seed"] for training in report["replicas"]] == seeds
    models = [keras.models.load_model(f"models/tiny/{seed}.keras") for seed in seeds]
    assert [model.count_params() for model in models] == [report["parameters"]] * 2
    assert not np.array_equal(*(model.get_weights()[0] for model in models))
    again = train(*sets(), seeds[1], lambda steps: None, lambda epoch, logs: None, **TINY)
    assert all((a == b).all() for a, b in zip(again.get_weights(), models[1].get_weights(), strict=True))
    with Path("metrics/layers/tiny.csv").open() as file:
        assert sum(int(row["parameters"]) for row in csv.DictReader(file)) == report["parameters"]
    with Path("metrics/history/tiny.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [(row["seed"], row["epoch"]) for row in history] == [(str(seed), epoch) for seed in seeds for epoch in "12"]
    client, _ = tracking.connect()
    run = client.get_run(report["replicas"][1]["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.001"
    assert run.data.params["seed"] == str(seeds[1])
    assert run.data.metrics["train_seconds"] == report["replicas"][1]["train_seconds"]
    curve = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert [point.step for point in curve] == [1, 2]
    assert curve[-1].value == pytest.approx(float(history[-1]["val_accuracy"]), abs=1e-6)


@pytest.mark.usefixtures("workspace")
def test_a_loss_that_is_no_number_stops_the_training_and_fails_its_run(params: dict[str, Any]) -> None:
    params["models"] = {"tiny": TINY | {"optimizer": "sgd", "learning_rate": 1e38, "replicas": 1}}
    with pytest.raises(UserError, match="models.tiny: the loss must stay finite"):
        main(params, "tiny")
    assert not Path("models").exists()
    client, experiment = tracking.connect()
    assert [run.info.status for run in client.search_runs([experiment])] == ["FAILED"]
