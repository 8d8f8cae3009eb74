import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src import classifiers, evaluate
from src.comparison.scores import surest_mistakes
from src.evaluate import evaluation_metrics, latency, over_seeds
from src.pipeline import tracking
from src.pipeline.delivery import find_run
from src.pipeline.files import read_json, write_json
from src.pipeline.sender import Sender
from src.pipeline.store import connect


class Clock:
    """A clock that each prediction moves by the next of the given seconds, and predictors that keep their batches."""

    def __init__(self, *waits: float) -> None:
        self.now, self.waits, self.sizes = 0.0, iter(waits), list[tuple[int, int]]()

    def predictor(self, *, batch_size: int) -> Any:
        def predict(x: np.ndarray) -> np.ndarray:
            self.now += next(self.waits)
            self.sizes.append((batch_size, len(x)))
            return np.eye(3)[x[:, 0, 0]]  # the class is the first pixel

        return predict


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clock]:
    def start(*waits: float) -> Clock:
        clock = Clock(*waits)
        monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
        return clock

    return start


def test_latency_sets_the_first_call_apart_from_the_percentiles(clock: Callable[..., Clock]) -> None:
    ticking = clock(9, *range(1, 22))
    times = latency(ticking.predictor(batch_size=1), np.zeros((1, 2, 2), int), 21)
    assert times == {"first": 9, "p50": 11, "p95": 20}


def test_evaluating_predicts_single_batches_then_each_split_then_the_test_set_again(
    clock: Callable[..., Clock],
) -> None:
    x = np.array([0, 1, 2, 1]).reshape(-1, 1, 1)
    ticking = clock(5, 1, 7, 2, 0, 0, 0, 3, 9)
    rule: Any = {"latency_batches": [1, 6], "latency_repeats": 1, "n_occluded": 1, "patch": 1, "stride": 1}
    images = {"train": x[:3], "val": x[:2], "test": x}
    found = evaluate.evaluate(ticking.predictor, 2, images, np.array([0, 1, 0, 1]), True, **rule)
    assert ticking.sizes == [(1, 1)] * 2 + [(6, 6)] * 2 + [(2, 3), (2, 2), (2, 4), (2, 4), (2, 2)]
    assert {split: values.argmax(axis=1).tolist() for split, values in found.probabilities.items()} == {
        "train": [0, 1, 2],
        "val": [0, 1],
        "test": [0, 1, 2, 1],
    }
    assert found.test_seconds == 3
    assert found.mistakes.tolist() == [2]
    assert found.occlusion.tolist() == [[[0]]]  # hidden, the one pixel of the image has its own color
    times = {"bs1_first": 5, "bs1_p50": 1, "bs1_p95": 1, "bs6_first": 7, "bs6_p50": 2, "bs6_p95": 2}
    assert found.latency == times


def test_without_occluding_no_mistake_is_looked_into(clock: Callable[..., Clock]) -> None:
    x = np.array([0, 1]).reshape(-1, 1, 1)
    ticking = clock(*[0] * 6)
    rule: Any = {"latency_batches": [1], "latency_repeats": 1, "n_occluded": 1, "patch": 1, "stride": 1}
    images = dict.fromkeys(("train", "val", "test"), x)
    result = evaluate.evaluate(ticking.predictor, 2, images, np.array([1, 1]), False, **rule)
    assert ticking.sizes == [(1, 1)] * 2 + [(2, 2)] * 4
    assert (result.mistakes.shape, result.occlusion.shape) == ((0,), (0, 1, 1))


@pytest.fixture
def workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], no_sender: None
) -> dict[str, Any]:
    """A folder with images of noise and a model of two seeds; gives the params."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("data").mkdir()
    rng = np.random.default_rng(0)
    for split, n in {"train": 9, "val": 5, "test": 7}.items():
        x, y = rng.integers(0, 256, (n, 12, 12), dtype=np.uint8), np.arange(n) % 3
        np.savez(f"data/{split}.npz", x=x, y=y, labels=np.array(["Bag", "Coat", "Shirt"]))
    block = {"architecture": "cm1", "activation": "relu", "batch_size": 4}
    seeds = [params["seed"], params["seed"] + 1]
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        model = classifiers.build(shape=(12, 12), classes=3, architecture="cm1", activation="relu")
        classifiers.save(model, f"models/tiny/{seed}.keras")
    with (
        tracking.parent_run("tiny", {}) as parent,
        tracking.training_run("tiny", f"tiny-seed{seeds[0]}", {"seed": seeds[0]}) as run,
    ):
        run.log_model(f"models/tiny/{seeds[0]}.keras", shape=(12, 12), classes=3, backend="tensorflow")
    ids = [run.id, "0" * 32]  # the second was trained elsewhere
    trainings = [{"seed": s, "run_id": i} for s, i in zip(seeds, ids, strict=True)]
    write_json("data/runs/tiny.json", {"parent_id": parent.id, "seeds": trainings})
    params["models"] = {"tiny": block}
    params["evaluate"] = {"latency_batches": [1], "latency_repeats": 2, "n_occluded": 3, "patch": 4, "stride": 4}
    return params


def test_the_stage_leaves_predictions_timings_and_scores_of_each_seed(workspace: dict[str, Any]) -> None:
    evaluate.main(workspace, "tiny")
    trainings = read_json("data/runs/tiny.json")["seeds"]
    with np.load("data/predictions/tiny.npz") as file:
        predictions = dict(file)
    assert {split: values.shape for split, values in predictions.items()} == {
        "train": (2, 9, 3),
        "val": (2, 5, 3),
        "test": (2, 7, 3),
    }
    assert predictions["test"].dtype == np.float32
    test = np.load("data/test.npz")
    for number, training in enumerate(trainings):
        model = keras.models.load_model(f"models/tiny/{training['seed']}.keras")
        np.testing.assert_allclose(predictions["test"][number], np.asarray(model(test["x"])), rtol=1e-4, atol=1e-6)
    with np.load("data/occlusion/tiny.npz") as file:
        mistakes, maps = file["mistakes"], file["maps"]
    assert mistakes.tolist() == surest_mistakes(predictions["test"][0], test["y"], 3).tolist()
    assert (maps.shape, maps.dtype) == ((len(mistakes), 12, 12), np.float32)
    assert np.abs(maps).max() > 0
    timings = read_json("data/timings/tiny.json")
    assert timings["device"]
    assert [timing["seed"] for timing in timings["seeds"]] == [training["seed"] for training in trainings]
    assert set(timings["seeds"][0]) == {"seed", "test_seconds", "latency"}
    assert set(timings["seeds"][0]["latency"]) == {"bs1_first", "bs1_p50", "bs1_p95"}
    Sender().send_all()
    client, experiment = connect()
    accuracies = (predictions["test"].argmax(axis=2) == test["y"]).mean(axis=1)
    parent = find_run(client, experiment, read_json("data/runs/tiny.json")["parent_id"])
    assert parent
    assert parent.data.metrics["test_accuracy"] == pytest.approx(accuracies.mean())
    assert parent.data.metrics["test_accuracy_sd"] == pytest.approx(accuracies.std(ddof=1))
    (model,) = client.search_logged_models([experiment])
    assert {(metric.key, metric.dataset_name) for metric in model.metrics or []} >= {("test_accuracy", "test")}
    for number, accuracy in enumerate(accuracies):
        run = find_run(client, experiment, trainings[number]["run_id"])
        assert run
        assert run.info.status == "FINISHED"
        assert run.data.metrics["test_accuracy"] == pytest.approx(accuracy)
        assert run.data.metrics["test_seconds"] == timings["seeds"][number]["test_seconds"]
        assert run.data.metrics["latency/bs1_p50_s"] == timings["seeds"][number]["latency"]["bs1_p50"]
        assert run.data.metrics.keys() >= {"recall/Bag", "precision/Shirt", "train_accuracy", "val_accuracy"}


def test_what_is_logged_agrees_with_the_predictions(workspace: dict[str, Any]) -> None:
    y = {"test": np.array([0, 0, 0, 1, 1, 2])}
    probabilities = {"test": np.eye(3)[[0, 0, 1, 1, 1, 0]] * 0.8 + 0.1}
    metrics = evaluation_metrics(probabilities, y, {"seed": 1, "test_seconds": 2.5, "latency": {"bs1_p50": 0.25}})
    assert metrics["test"] == {
        "test_accuracy": 4 / 6,
        "precision/Bag": 2 / 3,
        "recall/Bag": 2 / 3,
        "precision/Coat": 2 / 3,
        "recall/Coat": 1.0,
        "precision/Shirt": 0.0,
        "recall/Shirt": 0.0,
        "test_seconds": 2.5,
        "latency/bs1_p50_s": 0.25,
    }


def test_an_evaluated_model_is_freed_before_the_next_one_is_loaded(
    workspace: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[int] = []
    load = keras.models.load_model

    def counting(path: str, **settings: Any) -> Any:
        alive.append(sum(isinstance(thing, keras.Model) for thing in gc.get_objects()))
        return load(path, **settings)

    gc.collect()
    monkeypatch.setattr(keras.models, "load_model", counting)
    evaluate.main(workspace, "tiny")
    assert len(alive) == 2
    assert alive[1] <= alive[0]


def test_over_seeds_are_means_and_the_spread_of_accuracies() -> None:
    scores = [{"test_accuracy": 0.5, "test_seconds": 1.0}, {"test_accuracy": 0.7, "test_seconds": 2.0}]
    several = over_seeds(scores)
    assert several == pytest.approx({"test_accuracy": 0.6, "test_seconds": 1.5, "test_accuracy_sd": 0.02**0.5})
    assert over_seeds(scores[:1]) == scores[0]
