"""Infer which garments the course hid behind each label, from the learning curves that it published.

It takes about an hour on two cores and goes on where it was interrupted. No stage depends on a run of it: its result,
metrics/infer, is committed.
"""

import argparse
import functools
import time
from typing import Any

import numpy as np

from src.clustering.dbscan import dbscan
from src.clustering.density import density
from src.comparison.published import FASHION_MNIST_TRAIN
from src.images import splits
from src.images.splits import Labelled
from src.inference import charts
from src.inference.answer import infer
from src.inference.groupings import groupings
from src.inference.records import Notebook
from src.inference.study import Arrays, Train
from src.inference.trainings import Garments, direct_curves, kept, surrogate_curves
from src.params import check_known, read_params
from src.pipeline.files import UserError, read_json, write_csv, write_json
from src.pipeline.runner import run
from src.training.device import setup_device
from src.training.identity import environment, file_digests
from src.training.precision import set_precision

FOLDER = "metrics/infer"
PER_GARMENT = 1000  # test images of Fashion-MNIST


def main(arguments: list[str]) -> None:
    """Check params.yaml whole, then run or continue the inference."""
    argparse.ArgumentParser(prog="python -m src infer", description=__doc__).parse_args(arguments)
    run("infer", work)


def work() -> None:
    """data/{train,val,test,garments}.npz, data/published.json -> metrics/infer: tables and shared.svg."""
    params = read_params()
    published: Notebook = read_json("data/published.json")
    check_models(published, **{key: params["infer"][key] for key in ("encoder", "models", "first_epoch")})
    sizes = [count // PER_GARMENT for count in published["test_label_counts"].values()]
    labels, names = groupings(sizes), splits.garment_names()
    train = trainer(params, published, labels)
    answer = infer(train, labels, sizes, names, published, **params["infer"])
    for name in ("selftest", "posterior", "sensitivity", "direct"):
        write_csv(f"{FOLDER}/{name}.csv", getattr(answer, name))
    write_json(f"{FOLDER}/row_order.json", answer.row_order)
    charts.shared(f"{FOLDER}/shared.svg", answer.shared, names)
    for row in answer.sensitivity:
        what = f"prior {row['prior']}, likelihood to the power of {row['temper']}"
        print(f"infer: {what}: {row['set_size']} of {len(labels):,} groupings; best {row['best']}, {row['p_best']:.3f}")


def check_models(published: Notebook, encoder: str, models: list[str], first_epoch: int) -> None:
    """Raises UserError unless the notebook has the recipes of these models and curves that reach the first epoch."""
    known = {name: len(model["history"]) for name, model in published["models"].items() if "recipe" in model}
    check_known("params.yaml: infer.encoder:", encoder, known)
    for model in models:
        check_known("params.yaml: infer.models:", model, known)
    if first_epoch > (last := min(known[model] for model in (encoder, *models))):
        must = f"must be at most {last}, the last one of all these models"
        raise UserError(f"params.yaml: infer.first_epoch: {must}. Got {first_epoch}.")


def trainer(params: dict[str, Any], published: Notebook, labels: np.ndarray) -> Train:
    """A function that makes a training by the notebook's recipe, or takes over that of an earlier process."""
    device = setup_device(seed=params["seed"], device=params["device"], threads=params["threads"])
    set_precision(params["precision"], device)
    data, test = read_garments(), splits.read("test").x
    recipes = {name: model["recipe"] for name, model in published["models"].items() if "recipe" in model}
    encoder, cluster = params["infer"]["encoder"], params["cluster"]
    digests = functools.cache(lambda model: file_digests(model, params | {"models": recipes}))
    shared = {"environment": environment(device), "groupings": labels.tolist(), "cluster": cluster}

    def train(model: str, seed: int, hidden: np.ndarray | None) -> Arrays:
        what, mapping = ("garments", None) if hidden is None else ("hidden labels", hidden.tolist())
        key = shared | {"files": digests(model), "model": recipes[model]}

        def compute() -> dict[str, np.ndarray]:
            start = time.perf_counter()
            if hidden is None:
                arrays = {"curves": surrogate_curves(data, labels, seed, recipes[model])}
            else:
                arrays = direct_curves(data, hidden, seed, recipes[model], test if model == encoder else None)
            if "features" in arrays:
                arrays |= find_clusters(arrays.pop("features"), cluster["eps"], cluster["min_samples"])
            print(f"infer: {model}, seed {seed}, on {what}: {time.perf_counter() - start:.0f} s", flush=True)
            return arrays

        return kept(key | {"seed": seed, "hidden": mapping}, compute)

    return train


def find_clusters(features: np.ndarray, eps: float, min_samples: int) -> dict[str, np.ndarray]:
    """DBSCAN's clusters of (n, d) features, (n,) ints, and core points, (n,) bool."""
    near = density(features, min_samples)
    return {"clusters": dbscan(near, eps), "core": near.core <= eps}


def read_garments() -> Garments:
    """The images with their garments as labels. Raises UserError unless it is all of Fashion-MNIST."""
    n_known = sum(int((splits.garments(split) >= 0).sum()) for split in ("train", "val"))
    if n_known != FASHION_MNIST_TRAIN:
        advice = "Set fetch.source: fashion_mnist and fetch.limit: null, then `dvc repro prepare`."
        raise UserError(f"data must be all of Fashion-MNIST. Got {n_known} training images of known garments. {advice}")
    train, val = (Labelled(splits.read(split).x, splits.garments(split)) for split in ("train", "val"))
    return Garments(train, val, len(splits.garment_names()))
