"""Train one model: `python -m src.train NAME`. Reads training and validation data, never the test set."""

import math
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from src import backend, classifiers, tracking
from src.stage import Count, Positive, Seed, UserError, model_block, run, write_csv, write_json

LOSS = "categorical_crossentropy"
HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")

OnEpoch = Callable[[int, dict[str, float]], None]


def train(
    train_set: dict[str, np.ndarray],
    val_set: dict[str, np.ndarray],
    seed: Seed,
    on_steps: Callable[[int], None],
    on_epoch: OnEpoch,
    *,
    architecture: str,
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd"],
    learning_rate: Positive,
    batch_size: Count,
    epochs: Count,
    **body: Any,
) -> Any:
    """A keras.Model trained from a seed of its own; `body` is the architecture's part of the block.

    train_set, val_set: {"x": (n, side, side) uint8, "y": (n,) int64 labels}.
    `on_steps` gets the number of batches done since its last call, `on_epoch` an epoch's loss and accuracy.
    Raises UserError if the images are too small.
    """
    import keras

    keras.utils.set_random_seed(seed)
    side, classes = train_set["x"].shape[1], int(train_set["y"].max()) + 1
    try:
        model = classifiers.build(side=side, classes=classes, architecture=architecture, **body)
    except ValueError as error:
        came = f"Got {side} x {side}: {str(error).splitlines()[0]}"
        raise UserError(f"architecture {architecture} must have larger images. {came}") from None
    rule = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    model.compile(optimizer=rule, loss=LOSS, metrics=["accuracy"])
    one_hot = np.eye(classes, dtype=np.float32)
    sets = [(arrays["x"], one_hot[arrays["y"]]) for arrays in (train_set, val_set)]
    backend.fit(model, *sets, epochs=epochs, batch_size=batch_size, seed=seed, on_steps=on_steps, on_epoch=on_epoch)
    return model


def recipe_of(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """A model's block, with the `epochs` and `replicas` for all where given. Raises UserError for an unknown name."""
    return model_block(params, name) | {key: params[key] for key in ("epochs", "replicas") if params[key]}


def layer_table(model: Any) -> list[dict[str, Any]]:
    """Name, type, output shape with `n` for the batch, and number of parameters of each layer."""
    rows = []
    for layer in model.layers:
        shape = " x ".join(["n", *map(str, layer.output.shape[1:])])
        parameters = layer.count_params() if layer.weights else 0
        rows.append({"layer": layer.name, "type": type(layer).__name__, "output": shape, "parameters": parameters})
    return rows


class Watch:
    """What is seen of a training: a bar with the time left on a terminal, else a line per epoch; and MLflow's curve."""

    def __init__(self, name: str, epochs: int, steps: int, tracked: tracking.Run) -> None:
        self.name, self.epochs, self.tracked = name, epochs, tracked
        self.history: list[dict[str, float]] = []
        self.on_terminal = Console().is_terminal
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(TextColumn("{task.description}"), *columns, disable=not self.on_terminal)
        self.task = self.bar.add_task(name, total=epochs * steps)

    def on_steps(self, steps: int) -> None:
        """Move the bar."""
        self.bar.advance(self.task, steps)

    def on_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Record and show an epoch's loss and accuracy. Raises UserError when the loss is no longer a number."""
        if not math.isfinite(logs["loss"]):
            came = f"Got {logs['loss']} in epoch {epoch}; take a lower learning_rate."
            raise UserError(f"models.{self.name}: the loss must stay finite. {came}")
        self.history.append({"epoch": epoch} | {key: round(value, 6) for key, value in logs.items()})
        self.tracked.metrics(logs, step=epoch)
        so_far = f"{self.name} epoch {epoch}/{self.epochs}: "
        self.bar.update(self.task, description=f"{so_far}val_accuracy {logs['val_accuracy']:.4f}")
        if not self.on_terminal:
            print(so_far + ", ".join(f"{key} {logs[key]:.4f}" for key in HISTORY[1:]), flush=True)


def main(params: dict[str, Any], name: str) -> None:
    """data/{train,val}.npz -> models/NAME/SEED.keras of each replica, their histories, a layer table and a report."""
    recipe, first = recipe_of(name, params), params["seed"]
    replicas = recipe.pop("replicas")
    device = backend.start(seed=first, device=params["device"])
    train_set, val_set = (dict(np.load(f"data/{split}.npz")) for split in ("train", "val"))
    about = {"loss": LOSS, "device": device, "software": backend.software()}
    steps = math.ceil(len(train_set["x"]) / recipe["batch_size"])
    trainings, history = [], []
    for seed in range(first, first + replicas):
        with tracking.training_run(name, recipe | {"seed": seed} | about) as tracked:
            watch = Watch(name if replicas == 1 else f"{name} seed {seed}", recipe["epochs"], steps, tracked)
            start = time.perf_counter()
            with watch.bar:
                model = train(train_set, val_set, seed, watch.on_steps, watch.on_epoch, **recipe)
            seconds = round(time.perf_counter() - start, 3)
            tracked.metrics({"train_seconds": seconds, "parameters": model.count_params()})
            classifiers.save(model, f"models/{name}/{seed}.keras")
        trainings.append({"seed": seed, "run_id": tracked.id, "train_seconds": seconds})
        history += [{"seed": seed} | {key: row[key] for key in HISTORY} for row in watch.history]
    write_csv(f"metrics/history/{name}.csv", history)
    write_csv(f"metrics/layers/{name}.csv", layer_table(model))
    report = {"epochs": recipe["epochs"], "parameters": model.count_params()} | about
    write_json(f"models/train/{name}.json", report | {"replicas": trainings})


if __name__ == "__main__":
    run(main)
