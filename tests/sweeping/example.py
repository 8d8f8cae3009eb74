"""A plan over two small models."""

from pathlib import Path
from typing import Any

import numpy as np

from src.sweeping.plan import Plan, make_plan
from src.sweeping.records import Trial
from tests.training.example import TINY, sets

SPACE: dict[str, Any] = {
    "tiny": {"learning_rate": {"log": [1e-4, 1e-2]}, "batch_size": {"choice": [16, 32]}},
    "other": {"learning_rate": {"uniform": [1e-4, 1e-2]}},
}
SETTINGS: dict[str, Any] = {
    "space": SPACE,
    "trials": 5,
    "concurrent": 1,
    "seeds": 2,
    "epochs": 3,
    "min_epochs": 1,
    "minutes": 5,
    "seed": 7,
    "fresh_seeds": 3,
    "confidence": 0.95,
}
MODELS = {"tiny": TINY | {"replicas": 1}, "other": TINY | {"replicas": 1, "activation": "elu"}}


def params_of(params: dict[str, Any]) -> dict[str, Any]:
    """The real params with the two models."""
    return params | {"models": MODELS, "epochs": None, "replicas": None, "device": "cpu"}


def make(params: dict[str, Any], **changes: Any) -> Plan:
    """The plan of the real params with the two models and changes of the block `sweep`."""
    return make_plan(params_of(params), **SETTINGS | changes)


def row(seed: int, epoch: int, val_accuracy: float) -> dict[str, float]:
    """A row of a trial."""
    losses = {"loss": 0.5, "accuracy": val_accuracy, "val_loss": 0.5}
    return {"seed": seed, "epoch": epoch} | losses | {"val_accuracy": val_accuracy, "seconds": epoch * 1.5}


def finished(name: str, model: str, tunables: dict[str, Any], accuracies: dict[int, float], epochs: int = 3) -> Trial:
    """A finished trial with this accuracy after the last epoch of each seed."""
    rows = [
        row(seed, epoch, accuracy if epoch == epochs else 0.1)
        for seed, accuracy in accuracies.items()
        for epoch in range(1, epochs + 1)
    ]
    return Trial(name, model, tunables, list(accuracies), "finished", rows)


def write_sets(folder: Path) -> None:
    """Training and validation data of two classes."""
    (folder / "data").mkdir()
    for split, images in zip(("train", "val"), sets(), strict=True):
        np.savez(folder / f"data/{split}.npz", x=images.x, y=images.y, labels=np.array(["left", "right"]))
