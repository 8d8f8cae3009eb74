"""Register the winner: its MLflow model folder, and its place in MLflow's registry, champion or challenger."""

import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from src.comparison.runs import Run, read_runs
from src.images import splits
from src.images.splits import Labelled
from src.pipeline import origin
from src.pipeline.files import UserError, read_json, sha256, write_json
from src.pipeline.schema import Count, Majority, Positive
from src.serving.folder import FOLDER, LabelMeaning, Pictures, write_folder
from src.serving.promotion import Evidence, decide
from src.serving.registry import register_folder

MADE_HERE = ("fashion_mnist", "digits")  # sources whose labels the pipeline makes
OF_GARMENTS = (*MADE_HERE, "csv")  # whose images are made as Fashion-MNIST's
AGAIN = "dvc repro --force --single-item register"


def register(
    evidence: Evidence, run_id: str, *, name: str, n_pictures: Count, confidence: Majority, margin: Positive
) -> dict[str, Any]:
    """Register FOLDER as a version of `name` in MLflow's registry. Returns the content of promotion.json.

    run_id: of the training. Where the store cannot be used, nothing is registered and the content says why. n_pictures
    is the folder's.
    """
    if not re.fullmatch(r"[\w. -]+", name):
        raise UserError(f"params.yaml: register.name: must be letters, digits, spaces and . _ -. Got {name!r}.")
    challenger = {key: value for key, value in evidence.items() if key != "wrong"} | {"run_id": run_id}
    rule = partial(decide, evidence, confidence=confidence, margin=margin)
    try:
        outcome = register_folder(Path(FOLDER), name, evidence, {**origin.tags(), "run_id": run_id}, rule)
    except (UserError, OSError) as error:
        problem = f"Nothing was registered. {error} When the store is there, run `{AGAIN}`."
        print(f"register: {problem}", file=sys.stderr)
        return {"registered": False, "name": name, "reason": problem, "challenger": challenger}
    decision, champion = outcome.decision, outcome.champion
    return {
        "registered": True,
        "name": name,
        "version": outcome.version,
        "alias": decision.alias,
        "reason": decision.reason,
        "challenger": challenger,
        "champion_version": outcome.champion_version,
        "champion": {key: value for key, value in champion.items() if key != "wrong"} if champion else None,
        "test": decision.test,
    }


def best_seed(runs: Sequence[Run]) -> Run:
    """Of a model's runs the one with the highest validation accuracy."""
    return max(runs, key=lambda run: run.accuracy["val"])


def build_evidence(run: Run, network: Path, val: Labelled) -> Evidence:
    """What speaks for a run, whose network is in that file, on the validation images."""
    return {
        "model": run.model,
        "seed": run.seed,
        "weights_sha256": sha256(network),
        "n_params": run.n_params,
        "val_accuracy": round(run.accuracy["val"], 6),
        "n_images": len(val.y),
        "images_sha256": hashlib.sha256(val.x.tobytes() + val.y.tobytes()).hexdigest(),
        "wrong": np.flatnonzero(~run.correct["val"]).tolist(),
    }


def label_meanings(decoding: Mapping[str, Any], made_here: bool) -> list[LabelMeaning]:
    """What each label stands for, by decoding.json's content. made_here: the pipeline itself hid the garments."""
    surety = "assumed" if made_here else "decoded" if decoding["certified"] else "decoded, not certified"
    return [
        LabelMeaning(label, row["garments"], surety if row["garments"] else "unknown")
        for label, row in decoding["decoding"].items()
    ]


def main(params: dict[str, Any]) -> None:
    """The best model's network -> data/registered_model; the registry's answer -> metrics/register/promotion.json."""
    best = read_json("metrics/summary.json")["best_model"]
    run = best_seed(read_runs([best])[best])
    network = Path(f"models/{run.model}/{run.seed}.keras")
    evidence = build_evidence(run, network, splits.read("val"))
    meanings = label_meanings(read_json("metrics/decode/decoding.json"), params["fetch"]["source"] in MADE_HERE)
    train, block = splits.read("train"), dict(params["register"])
    if params["fetch"]["limit"]:  # a champion on these images would stand in the way of one on all
        block["name"] += "-quick-look"
    fit = "garment" if params["fetch"]["source"] in OF_GARMENTS else params["fetch"]["fit"]
    n_pictures = block["n_pictures"]
    pictures = Pictures(train.x[:n_pictures], train.y[:n_pictures], fit)  # in a random order already
    write_folder(Path(FOLDER), network, run.software, meanings, pictures, evidence)
    promotion = register(evidence, run.run_id, **block)
    write_json("metrics/register/promotion.json", promotion)
    accuracy = f"{run.accuracy['val']:.2%} of the validation images"
    print(f"register: {run.model}, seed {run.seed}, {accuracy}. {promotion['reason']}")
