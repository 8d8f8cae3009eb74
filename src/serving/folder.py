"""The MLflow folder of a trained network: the same bytes for the same network, wherever and whenever it is written."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from src.pipeline.files import write_json
from src.serving.promotion import Evidence

FOLDER = "data/registered_model"  # where the stage `register` writes it
CODE = Path(__file__).with_name("served_model.py")
EVIDENCE = "artifacts/classifier/evidence.json"  # in the folder, and so in each version of the registered model
WRITTEN = "1980-01-01 00:00:00"  # in place of the time of writing


class Pictures(NamedTuple):
    """Training images x, uint8, and the numbers of their labels y, (n,) int64; how pictures become such images."""

    x: np.ndarray
    y: np.ndarray
    fit: str


class LabelMeaning(NamedTuple):
    """A label, the garments that it stands for, and whether these are assumed, decoded, or unknown."""

    label: str
    garments: list[str]
    garments_are: str


def write_folder(
    folder: Path,
    network: Path,
    software: str,
    labels: Sequence[LabelMeaning],
    pictures: Pictures,
    evidence: Evidence,
) -> None:
    """Write the folder, in place of an earlier one.

    network: a .keras file with uint8 images as input; it is not loaded. software: what it was trained with.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # MLflow wants an example, which it would run, and of its own types
        from mlflow.models import Model
        from mlflow.pyfunc import save_model

        parts = Path(temporary, "classifier")
        parts.mkdir()
        shutil.copyfile(network, parts / "network.keras")
        write_json(parts / "labels.json", [label._asdict() for label in labels])
        write_json(parts / "evidence.json", evidence)
        np.savez(parts / "pictures.npz", allow_pickle=False, x=pictures.x, y=pictures.y)
        save_model(
            folder,
            python_model=str(CODE),
            artifacts={"classifier": str(parts)},
            signature=signature(pictures.x.shape[1:]),
            pip_requirements=requirements(software),
            mlflow_model=Model(utc_time_created=WRITTEN, model_uuid=evidence["weights_sha256"][:32]),
            metadata={key: evidence[key] for key in ("model", "seed", "weights_sha256", "n_params", "val_accuracy")}
            | {"fit": pictures.fit},
        )
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # MLflow has just run the code, to see that it can
    description = folder / "MLmodel"
    content = yaml.safe_load(description.read_text(encoding="utf-8"))
    function = content["flavors"]["python_function"]
    classifier = function["artifacts"]["classifier"]
    classifier["uri"] = classifier["path"]  # else a temporary folder's
    function["model_code_path"] = CODE.name  # else its place in this checkout
    description.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def signature(shape: tuple[int, ...]) -> Any:
    """MLflow's signature: uint8 images in, records out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import Array, Map

    text = DataType.string
    columns: dict[str, Any] = {
        "label": text,
        "garments": Array(text),
        "garments_are": text,
        "probabilities": Map(DataType.double),
    }
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, *shape))]),
        outputs=Schema([ColSpec(kind, name) for name, kind in columns.items()]),
    )


def requirements(software: str) -> list[str]:
    """What the model needs: Keras and backend as in training (`keras 3.1, tensorflow 2.2`), the others as installed."""
    trained_with = [package.replace(" ", "==") for package in software.split(", ")]
    return [*(f"{package}=={version(package)}" for package in ("mlflow", "numpy")), *trained_with]
