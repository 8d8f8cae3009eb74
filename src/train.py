"""Train one model: `python -m src.train NAME`. Reads training and validation data, never the test set."""

import csv
import math
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from src import backend, classifiers, tracking
from src.stage import Count, Positive, Seed, UserError, run, write_json, writing

LOSS = "categorical_crossentropy"
HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")

OnEpoch = Callable[[int, dict[str, float]], None]


def train(
    train_set: dict[str, np.ndarray],
    val_set: dict[str, np.ndarray],
    seed: Seed,
    on_step: Callable[[], None],
    on_epoch: OnEpoch,
    *,
    architecture: str,
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd"],
    learning_rate: Positive,
    batch_size: Count,
    epochs: Count,
    **body: Any,
) -> Any:
    """A trained keras.Model. train_set, val_set: {"x": (n, side, side) uint8, "y": (n,) labels}; `body` is the architecture's.

    `on_step` is called after each batch, `on_epoch` after each epoch. Raises UserError if the images are too small.
    """
    import keras

    side, classes = train_set["x"].shape[1], int(train_set["y"].max()) + 1
    try:
        model = classifiers.build(side=side, classes=classes, architecture=architecture, **body)
    except ValueError as error:
        raise UserError(f"architecture {architecture} must have larger images. Got {side} x {side}: {str(error).splitlines()[0]}") from None
    rule = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    model.compile(optimizer=rule, loss=LOSS, metrics=["accuracy"])
    one_hot = np.eye(classes, dtype=np.float32)
    sets = [(arrays["x"], one_hot[arrays["y"]]) for arrays in (train_set, val_set)]
    backend.fit(model, *sets, epochs=epochs, batch_size=batch_size, seed=seed, on_step=on_step, on_epoch=on_epoch)
    return model


def recipe_of(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """A model's block, its epochs replaced by the `epochs` for all where that is given. Raises UserError for an unknown name."""
    if name not in params["models"]:
        raise UserError(f"the model must be one of {', '.join(params['models'])}. Got {name!r}.")
    return params["models"][name] | ({"epochs": params["epochs"]} if params["epochs"] else {})


def layer_table(model: Any) -> list[tuple[str, str, str, int]]:
    """(name, type, output shape with `n` for the batch, parameters) of each layer."""
    rows = []
    for layer in model.layers:
        shape = " x ".join(["n", *map(str, layer.output.shape[1:])])
        rows.append((layer.name, type(layer).__name__, shape, layer.count_params() if hasattr(layer, "count_params") else 0))
    return rows


def main(params: dict[str, Any], name: str) -> None:
    """data/{train,val}.npz -> models/NAME.keras, its history, layer table and report."""
    recipe = recipe_of(name, params)
    seed = params["seed"]
    device = backend.start(seed=seed, device=params["device"])
    train_set, val_set = (dict(np.load(f"data/{split}.npz")) for split in ("train", "val"))
    history: list[dict[str, float]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    on_terminal = Console().is_terminal
    bar = Progress(*columns, disable=not on_terminal)
    with tracking.training_run(name, {**recipe, "seed": seed, "loss": LOSS, "device": device}) as tracked, bar:
        steps = bar.add_task(name, total=recipe["epochs"] * math.ceil(len(train_set["x"]) / recipe["batch_size"]))

        def on_epoch(epoch: int, logs: dict[str, float]) -> None:
            if not math.isfinite(logs["loss"]):
                raise UserError(f"models.{name}: the loss must stay finite. Got {logs['loss']} in epoch {epoch}; take a lower learning_rate.")
            history.append({"epoch": epoch} | {key: round(value, 6) for key, value in logs.items()})
            tracked.metrics(logs, step=epoch)
            said = ", ".join(f"{key} {logs[key]:.4f}" for key in HISTORY[1:])
            bar.update(steps, description=f"{name} {epoch}/{recipe['epochs']}: val_accuracy {logs['val_accuracy']:.4f}")
            if not on_terminal:
                print(f"{name} epoch {epoch}/{recipe['epochs']}: {said}, {time.perf_counter() - start:.0f} s", flush=True)

        start = time.perf_counter()
        model = train(train_set, val_set, seed, lambda: bar.advance(steps), on_epoch, **recipe)
        report = {
            "train_seconds": round(time.perf_counter() - start, 3),
            "epochs": recipe["epochs"],
            "parameters": model.count_params(),
            "device": device,
        }
        tracked.metrics(report)
        classifiers.save(model, f"models/{name}.keras")
        write_json(f"models/{name}.run.json", {"run_id": tracked.id})
        _write_csv(f"metrics/history/{name}.csv", HISTORY, [[row[key] for key in HISTORY] for row in history])
        _write_csv(f"metrics/layers/{name}.csv", ("layer", "type", "output", "parameters"), layer_table(model))
        write_json(f"metrics/train/{name}.json", report)


def _write_csv(path: str, header: tuple[str, ...], rows: Any) -> None:
    """Write a CSV file."""
    with writing(path) as file, file.open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    run(main)
