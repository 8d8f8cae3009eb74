"""What tests of the spool share: a process's environment, runs as stages write them, and a look at them in a store."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Run

from src.pipeline import tracking
from src.pipeline.delivery import RUN_ID
from src.pipeline.store import EXPERIMENT

ROOT = Path(__file__).parents[2]
POINTS = [(1, 0.75), (2, 0.5), (3, 0.25)]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without what DVC, git and MLflow would take from it, for a process with src."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "GIT_", "MLFLOW_"))}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept | {"PYTHONPATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"} | variables


def runs(uri: str) -> list[Run]:
    """The runs in a store, the newest first."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def runs_of(uri: str, run_id: str) -> list[Run]:
    """The runs with our id: one, if nothing is lost or doubled."""
    return [run for run in runs(uri) if run.data.tags.get(RUN_ID) == run_id]


def write_training(model: str = "cm1", **options: Any) -> str:
    """Write a whole training with data, curve, model, tags and an artifact to the spool. Gives its id."""
    images, labels = np.arange(2 * 784, dtype=np.uint8).reshape(2, 28, 28), np.array([0, 1])
    Path("weights.keras").write_bytes(b"weights")
    Path("notes.txt").write_bytes(b"notes")
    with tracking.training_run(model, f"{model}-seed27", {"epochs": 3, "seed": 27}, **options) as run:
        run.log_dataset("val", "validation", images, labels)
        for epoch, loss in POINTS:
            run.log_epoch(epoch, {"loss": loss})
        run.log_model("weights.keras", shape=(28, 28), classes=2, backend="tensorflow")
        run.log_metrics({"val_accuracy": 0.5}, dataset="val")
        run.set_tags({"certified": True})
        run.log_artifact("notes.txt")
    return run.id


def check_training(uri: str, run_id: str) -> Run:
    """Whether the store has what `write_training` wrote, once. Gives the run."""
    client = MlflowClient(uri)
    (run,) = runs_of(uri, run_id)
    assert run.inputs
    assert run.outputs
    assert run.info.status == "FINISHED"
    assert run.data.params == {"epochs": "3", "seed": "27"}
    assert run.data.tags["certified"] == "True"
    curve = client.get_metric_history(run.info.run_id, "epoch_loss")
    assert sorted((point.step, point.value) for point in curve) == POINTS
    assert [point.value for point in client.get_metric_history(run.info.run_id, "val_accuracy")] == [0.5]
    assert [row.dataset.name for row in run.inputs.dataset_inputs] == ["val"]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["notes.txt"]
    models = [
        model
        for model in client.search_logged_models([run.info.experiment_id])
        if model.tags.get(RUN_ID) == run_id or model.source_run_id == run.info.run_id
    ]
    assert [model.status for model in models] == ["READY"]
    assert [output.model_id for output in run.outputs.model_outputs] == [models[0].model_id]
    assert [(metric.key, metric.dataset_name) for metric in models[0].metrics or []] == [("val_accuracy", "val")]
    names = {file.path for file in client.list_logged_model_artifacts(models[0].model_id)}
    assert names == {"MLmodel", "data", "python_env.yaml", "requirements.txt"}
    return run


def wait_until(condition: Any, seconds: float = 60) -> None:
    """Wait for a condition of another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
