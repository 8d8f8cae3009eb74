"""Train one model from one or more seeds, on training and validation data; the test set is never read."""

import gc
import math
import time
from collections.abc import Callable
from typing import Any, Literal, TypedDict

import numpy as np

from src import classifiers
from src.images import splits
from src.images.splits import Labelled
from src.pipeline import tracking
from src.pipeline.files import UserError, write_csv, write_json
from src.pipeline.progress import TrainingProgress
from src.pipeline.schema import Count, Positive, Seed
from src.training.device import setup_device, software
from src.training.loop import fit

LOSS = "categorical_crossentropy"


class SeedRun(TypedDict):
    """One training: its seed, its MLflow run, and its seconds (compiling, all epochs, the validation after each)."""

    seed: int
    run_id: str
    train_seconds: float


class Trained(TypedDict):
    """data/runs/MODEL.json: what a model was trained with, and its trainings in the order of their seeds.

    parent_id: of the MLflow run above theirs.
    """

    parent_id: str
    recipe: dict[str, Any]
    n_params: int
    loss: str
    device: str
    software: str
    seeds: list[SeedRun]


def train(
    train_set: Labelled,
    val_set: Labelled,
    classes: int,
    seed: Seed,
    on_steps: Callable[[int], None],
    on_epoch: Callable[[int, dict[str, float]], None],
    *,
    architecture: str,
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd"],
    learning_rate: Positive,
    batch_size: Count,
    epochs: Count,
    **body: Any,
) -> Any:
    """A keras.Model trained from a seed; `body` is the architecture's part of the model's block.

    `on_steps` gets the number of batches since its last call, `on_epoch` the epoch, from 1, and its loss, accuracy,
    val_loss and val_accuracy. Raises UserError where the images are too small.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = classifiers.build(side=train_set.x.shape[1], classes=classes, architecture=architecture, **body)
    rule = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    model.compile(optimizer=rule, loss=LOSS, metrics=["accuracy"])
    one_hot = np.eye(classes, dtype=np.float32)
    data = [(images.x, one_hot[images.y]) for images in (train_set, val_set)]
    fit(model, *data, epochs=epochs, batch_size=batch_size, seed=seed, on_steps=on_steps, on_epoch=on_epoch)
    return model


def resolve_recipe(block: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """A model's block, with the `epochs` and `replicas` of all models where params.yaml gives them."""
    return block | {key: params[key] for key in ("epochs", "replicas") if params[key]}


def layer_table(model: Any) -> list[dict[str, Any]]:
    """Name, type, output shape with `n` for the batch, and number of parameters of each layer."""
    return [
        {
            "layer": layer.name,
            "type": type(layer).__name__,
            "output": " x ".join(["n", *map(str, layer.output.shape[1:])]),
            "n_params": layer.count_params() if layer.weights else 0,
        }
        for layer in model.layers
    ]


def train_seed(
    model: str,
    seed: int,
    recipe: dict[str, Any],
    environment: dict[str, str],
    train_set: Labelled,
    val_set: Labelled,
    classes: int,
    parent_id: str,
) -> tuple[Any, SeedRun, list[dict[str, float]]]:
    """Train a model from a seed in an MLflow run of its own, and save it. Returns it, its report and its history."""
    name = f"{model}-seed{seed}"
    progress = TrainingProgress(f"train: {name}", recipe["epochs"], math.ceil(len(train_set.y) / recipe["batch_size"]))
    history: list[dict[str, float]] = []
    params = recipe | {"seed": seed} | environment
    with tracking.training_run(model, name, params, parent_id=parent_id) as run:
        run.log_dataset("train", "training", *train_set)
        run.log_dataset("val", "validation", *val_set)

        def on_epoch(epoch: int, logs: dict[str, float]) -> None:
            if not math.isfinite(logs["loss"]):
                advice = f"Got {logs['loss']} in epoch {epoch}; take a lower learning_rate."
                raise UserError(f"params.yaml: models.{model}: the loss must stay finite. {advice}")
            history.append({"seed": seed, "epoch": epoch} | {key: round(value, 6) for key, value in logs.items()})
            progress.epoch(epoch, logs)
            run.log_epoch(epoch, logs)

        start = time.perf_counter()
        with progress:
            trained = train(train_set, val_set, classes, seed, progress.advance, on_epoch, **recipe)
        seconds = round(time.perf_counter() - start, 3)
        path = f"models/{model}/{seed}.keras"
        classifiers.save(trained, path)
        run.log_model(path, side=train_set.x.shape[1], classes=classes, backend=software().split()[2])
        run.log_metrics({"train_seconds": seconds, "n_params": trained.count_params()})
    return trained, {"seed": seed, "run_id": run.id, "train_seconds": seconds}, history


def main(params: dict[str, Any], model: str) -> None:
    """data/{train,val}.npz -> models/MODEL/SEED.keras of each seed, data/runs/MODEL.json, history and layers."""
    recipe = resolve_recipe(params["models"][model], params)
    replicas = recipe.pop("replicas")
    device = setup_device(seed=params["seed"], device=params["device"])
    environment = {"loss": LOSS, "device": device, "software": software()}
    data = splits.read("train"), splits.read("val"), len(splits.class_names())
    seeds: list[SeedRun] = []
    history: list[dict[str, float]] = []
    with tracking.parent_run(model, recipe | {"replicas": replicas} | environment) as parent:
        for seed in range(params["seed"], params["seed"] + replicas):
            trained, report, epochs = train_seed(model, seed, recipe, environment, *data, parent.id)
            seeds.append(report)
            history += epochs
            layers, n_params = layer_table(trained), trained.count_params()
            del trained
            gc.collect()  # Keras's layers refer to each other: the model and its copy of the data would stay for good
    write_csv(f"metrics/train/history/{model}.csv", history)
    write_csv(f"metrics/train/layers/{model}.csv", layers)
    trainings: Trained = {
        "parent_id": parent.id,
        "recipe": recipe,
        "n_params": n_params,
        "loss": LOSS,
        "device": device,
        "software": environment["software"],
        "seeds": seeds,
    }
    write_json(f"data/runs/{model}.json", trainings)
