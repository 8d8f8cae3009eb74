import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.pipeline import files
from src.pipeline.delivery import find_run
from src.pipeline.files import UserError, read_csv, read_json
from src.pipeline.sender import Sender
from src.pipeline.store import connect
from src.train import layer_table, main
from src.training.recipe import LOSS, train
from tests.training.example import NO_HOOKS, TINY, sets

ROOT = Path(__file__).parents[1]
TRAINED = {"parent_id", "recipe", "n_params", "loss", "precision", "device", "software", "seeds"}


@pytest.fixture(autouse=True)
def forget_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "written", [])


def test_the_layer_table_adds_up() -> None:
    model = train(*sets(), 2, 3, *NO_HOOKS, **TINY)
    table = layer_table(model)
    assert sum(row["n_params"] for row in table) == model.count_params()
    assert table[-1] == {"layer": "label", "type": "Dense", "output": "n x 2", "n_params": 256 * 2 + 2}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_sender: None) -> Path:
    """A folder with training and validation data and an MLflow store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_sets(tmp_path)
    return tmp_path


def write_sets(folder: Path) -> None:
    (folder / "data").mkdir()
    for split, images in zip(("train", "val"), sets(), strict=True):
        np.savez(folder / f"data/{split}.npz", x=images.x, y=images.y, labels=np.array(["left", "right"]))


@pytest.mark.usefixtures("workspace")
def test_the_stage_leaves_models_history_layers_report_and_runs(params: dict[str, Any]) -> None:
    params |= {"models": {"tiny": TINY | {"replicas": 2}}, "epochs": None, "replicas": None}
    main(params, "tiny")
    seeds = [params["seed"], params["seed"] + 1]
    report = read_json("data/runs/tiny.json")
    assert report["recipe"] == TINY
    assert (report["loss"], set(report)) == (LOSS, TRAINED)
    assert [training["seed"] for training in report["seeds"]] == seeds
    models = [keras.models.load_model(f"models/tiny/{seed}.keras") for seed in seeds]
    assert [model.count_params() for model in models] == [report["n_params"]] * 2
    assert not np.array_equal(*(model.get_weights()[0] for model in models))
    again = train(*sets(), 2, seeds[1], *NO_HOOKS, **TINY)
    assert all((a == b).all() for a, b in zip(again.get_weights(), models[1].get_weights(), strict=True))
    assert sum(int(row["n_params"]) for row in read_csv("metrics/train/layers/tiny.csv")) == report["n_params"]
    history = read_csv("metrics/train/history/tiny.csv")
    assert list(history[0]) == ["seed", "epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [(row["seed"], row["epoch"]) for row in history] == [(str(seed), epoch) for seed in seeds for epoch in "12"]
    Sender().send_all()
    client, experiment = connect()
    run, parent = (
        find_run(client, experiment, run_id) for run_id in (report["seeds"][1]["run_id"], report["parent_id"])
    )
    assert run
    assert parent
    assert (parent.info.run_name, parent.info.status) == ("tiny", "FINISHED")
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.inputs and run.outputs
    assert {row.dataset.name for row in run.inputs.dataset_inputs} == {"train", "val"}
    assert len(run.outputs.model_outputs) == 1
    assert (run.info.run_name, run.info.status) == (f"tiny-seed{seeds[1]}", "FINISHED")
    assert run.data.params["learning_rate"] == "0.001"
    assert run.data.params["seed"] == str(seeds[1])
    assert run.data.metrics["train_seconds"] == report["seeds"][1]["train_seconds"]
    assert run.data.metrics["n_params"] == report["n_params"]
    assert run.data.metrics["n_resumed"] == report["seeds"][1]["n_resumed"] == 0
    curve = sorted(client.get_metric_history(run.info.run_id, "epoch_val_accuracy"), key=lambda point: point.step)
    assert [point.step for point in curve] == [1, 2]
    assert curve[-1].value == pytest.approx(float(history[-1]["val_accuracy"]), abs=1e-6)


@pytest.mark.usefixtures("workspace")
def test_a_loss_that_is_no_number_stops_the_training_and_fails_its_run(params: dict[str, Any]) -> None:
    params["models"] = {"tiny": TINY | {"optimizer": "sgd", "learning_rate": 1e38, "replicas": 1}}
    with pytest.raises(UserError, match="models.tiny: the loss must stay finite") as error:
        main(params, "tiny")
    assert not list(Path("models").rglob("*.keras"))
    assert "take a lower learning_rate" in str(error.value)
    Sender().send_all()
    client, experiment = connect()
    assert [run.info.status for run in client.search_runs([experiment])] == ["FAILED", "FAILED"]


MEMORY = """
import contextlib, gc, json, sys
from types import SimpleNamespace
from src import classifiers, train
from src.pipeline import tracking

@contextlib.contextmanager
def no_run(*arguments, **options):
    names = ("log_epoch", "log_metrics", "log_dataset", "log_model")
    yield SimpleNamespace(id="0", **{name: lambda *a, **k: None for name in names})

def body(x, activation):
    from keras import layers
    return layers.Dense(4, activation, name="embedding")(layers.Flatten()(x))

def collect():
    gc.collect()
    pages = int(open("/proc/self/statm").read().split()[1])
    memory.append(pages * 4096 / 1e6)

memory = []
tracking.parent_run = tracking.training_run = no_run
classifiers.body, train.gc = lambda name: body, SimpleNamespace(collect=collect)
train.main(json.loads(sys.argv[1]), "tiny")
print(json.dumps(memory))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured by Linux's /proc")
def test_memory_does_not_grow_with_the_replicas(tmp_path: Path, params: dict[str, Any]) -> None:
    (tmp_path / "data").mkdir()
    for split, n in {"train": 40, "val": 60_000}.items():
        x, y = np.zeros((n, 28, 28), np.uint8), np.arange(n) % 2
        np.savez(tmp_path / f"data/{split}.npz", x=x, y=y, labels=np.array(["left", "right"]))
    model = TINY | {"epochs": 1, "batch_size": 2000, "replicas": 5}
    params |= {"models": {"tiny": model}, "epochs": None, "replicas": None, "device": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, json.dumps(params)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = json.loads(done.stdout.splitlines()[-1])
    assert len(after) == 5
    assert after[-1] - after[0] < 2 * 47  # MB, the images: each training takes a copy, and four would stay
