"""The MLflow folder of a trained network: the same bytes for the same network, wherever and whenever it is written."""

import hashlib
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

from src.pipeline.files import sha256, write_json
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
    """Write the folder, and then put it in the place of an earlier one.

    network: a .keras file with uint8 images as input; it is not loaded. software: what it was trained with.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    unfinished = folder.with_name(f".unfinished.{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
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
            unfinished,
            python_model=str(CODE),
            artifacts={"classifier": str(parts)},
            signature=signature(pictures.x.shape[1:]),
            pip_requirements=requirements(software),
            mlflow_model=Model(utc_time_created=WRITTEN, model_uuid=evidence["weights_sha256"][:32]),
            metadata={key: evidence[key] for key in ("model", "seed", "weights_sha256", "n_params", "val_accuracy")}
            | {"fit": pictures.fit},
        )
    shutil.rmtree(unfinished / "__pycache__", ignore_errors=True)  # MLflow has just run the code, to see that it can
    description = unfinished / "MLmodel"
    content = yaml.safe_load(description.read_text(encoding="utf-8"))
    function = content["flavors"]["python_function"]
    classifier = function["artifacts"]["classifier"]
    classifier["uri"] = classifier["path"]  # else a temporary folder's
    function["model_code_path"] = CODE.name  # else its place in this checkout
    description.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def folder_sha256(folder: Path) -> str:
    """The SHA-256 of a folder, by the names and contents of its files, in hexadecimal digits."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]  # as sha256sum prints them
    return hashlib.sha256("".join(lines).encode()).hexdigest()


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
