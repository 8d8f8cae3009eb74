"""Train one model from one or more seeds, on training and validation data; the test set is never read."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypedDict

from src.images import splits
from src.images.splits import Labelled
from src.pipeline import tracking
from src.pipeline.files import write_csv, write_json
from src.training import checkpoint
from src.training.checkpoint_folder import mark_done, remove_recorded, reserved
from src.training.course import Course, SeedRun
from src.training.device import setup_device, software
from src.training.identity import training_keys
from src.training.precision import set_precision
from src.training.recipe import LOSS, resolve_recipe, train


class Trained(TypedDict):
    """data/runs/MODEL.json: what a model was trained with, and its trainings in the order of their seeds.

    parent_id: of the MLflow run above theirs.
    """

    parent_id: str
    recipe: dict[str, Any]
    n_params: int
    loss: str
    precision: str
    device: str
    software: str
    seeds: list[SeedRun]


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


@contextmanager
def courses(
    model: str,
    recipes: Sequence[dict[str, Any]],
    keys: Sequence[str],
    environment: dict[str, str],
    data: tuple[Labelled, Labelled],
) -> Iterator[tuple[str, Iterator[Course]]]:
    """The id of a model's MLflow run, and below it the course of a training for each recipe with its seed and key.

    What an earlier process left of them is taken up, the MLflow runs too.
    """
    with ExitStack() as stack:
        paths = [stack.enter_context(reserved(key)) for key in keys]
        if None in paths:
            print(f"train: {model}: another process trains the same: this one keeps no checkpoints of it.", flush=True)
        found = [checkpoint.load(path) if path else None for path in paths]
        parent_id = next((known.record.parent_id for known in found if known), None)
        shared = {name: value for name, value in recipes[0].items() if name != "seed"} | environment
        params = shared | {"replicas": len(recipes)}
        parent = stack.enter_context(tracking.parent_run(model, params, run_id=parent_id))
        yield (
            parent.id,
            (
                Course(model, recipe, environment, data, path=path, found=known, parent_id=parent.id)
                for recipe, path, known in zip(recipes, paths, found, strict=True)
            ),
        )


def main(params: dict[str, Any], model: str) -> None:
    """data/{train,val}.npz -> models/MODEL/SEED.keras of each seed, data/runs/MODEL.json, history and layers.

    A training that was interrupted goes on after its last finished epoch.
    """
    recipe = resolve_recipe(params["models"][model], params)
    replicas = recipe.pop("replicas")
    device = setup_device(seed=params["seed"], device=params["device"], threads=params["threads"])
    set_precision(params["precision"], device)
    environment = {"loss": LOSS, "precision": params["precision"], "device": device, "software": software()}
    data, classes = (splits.read("train"), splits.read("val")), len(splits.class_names())
    recipes = [recipe | {"seed": seed} for seed in range(params["seed"], params["seed"] + replicas)]
    remove_recorded()
    keys = training_keys(model, params, recipes, device)
    seeds: list[SeedRun] = []
    history: list[dict[str, float]] = []
    with courses(model, recipes, keys, environment, data) as (parent_id, each_seed):
        for course in each_seed:
            with course:
                hooks: Any = (course.start, course.progress.advance, course.end_epoch)
                trained = train(*data, classes, course.seed, *hooks, **recipe)
                seeds.append(course.finish())
            history += course.record.history
            layers, n_params = layer_table(trained), trained.count_params()
            del trained, course, hooks
            gc.collect()  # Keras's layers refer to each other: the model and its copy of the data would stay for good
    write_csv(f"metrics/train/history/{model}.csv", history)
    write_csv(f"metrics/train/layers/{model}.csv", layers)
    trainings: Trained = {
        "parent_id": parent_id,
        "recipe": recipe,
        "n_params": n_params,
        "loss": LOSS,
        "precision": params["precision"],
        "device": device,
        "software": environment["software"],
        "seeds": seeds,
    }
    write_json(f"data/runs/{model}.json", trainings)
    mark_done(f"data/runs/{model}.json", keys)
