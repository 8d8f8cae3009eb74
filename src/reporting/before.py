"""The results of another revision, from what git and DVC hold of it."""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.pairs import Pair
from src.pipeline.files import UserError, read_json
from src.pipeline.untrusted import read_arrays
from src.pipeline.yaml_files import read_yaml
from src.reporting.results import read_rows


class EarlierModel(TypedDict):
    """What a row of models.csv had from the beginning; accuracies in [0, 1], times in seconds."""

    model: str
    test_accuracy: float
    test_ci_low: float
    test_ci_high: float
    test_mean: float
    test_std: float | None
    val_mean: float
    replicas: int
    train_seconds: float
    n_params: int


class Epoch(TypedDict):
    """What a row of a history is compared by."""

    seed: int
    epoch: int
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True)
class Before:
    """The results of a revision.

    histories: {model: its epochs}. correct: {model: (seeds, n) bool, whether each test image was classified correctly},
    for the models whose predictions DVC has, if the test images are the same as now.
    """

    revision: str
    best: str
    models: Mapping[str, EarlierModel]
    pairs: list[Pair]
    histories: Mapping[str, list[Epoch]]
    params: Mapping[str, Any]
    correct: Mapping[str, np.ndarray]


def read_before(revision: str, y: np.ndarray) -> Before:
    """The results of a commit, tag, branch or experiment. y: (n,) int64, the labels of today's test images.

    Raises UserError where the revision is unknown or has none.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from pydantic import ValidationError

    try:
        files = DVCFileSystem(".", rev=revision)
        with tempfile.TemporaryDirectory() as folder:
            return _read(files, Path(folder), revision, y)
    except DvcException as error:
        raise UserError(f"--against: must be a commit, tag, branch or experiment. {error}.") from None
    except (FileNotFoundError, KeyError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--against: {revision} must have results as this version writes them. {reason}") from None


def _read(files: Any, folder: Path, revision: str, y: np.ndarray) -> Before:
    """The results in DVC's view of a revision, of which `folder` gets copies."""

    def copied(name: str) -> Path:
        path = folder / name.replace("/", "-")
        path.write_bytes(files.read_bytes(name))
        return path

    models = {row["model"]: row for row in read_rows(copied("metrics/compare/models.csv"), EarlierModel)}
    return Before(
        revision=revision,
        best=read_json(copied("metrics/summary.json"))["best_model"],
        models=models,
        pairs=read_rows(copied("metrics/compare/pairs.csv"), Pair),
        histories={model: read_rows(copied(f"metrics/train/history/{model}.csv"), Epoch) for model in models},
        params=read_yaml(str(copied("params.yaml"))),
        correct=_read_correct(files, copied, models, y) if _has_file(files, "data/test.npz") else {},
    )


def _has_file(files: Any, name: str) -> bool:
    """Whether a file of the revision that DVC tracks is the same as the one that is here now."""
    with suppress(FileNotFoundError):
        md5 = hashlib.md5(Path(name).read_bytes(), usedforsecurity=False).hexdigest()
        return bool(files.info(name)["dvc_info"]["md5"] == md5)
    return False


def _read_correct(files: Any, copied: Any, models: Iterable[str], y: np.ndarray) -> dict[str, np.ndarray]:
    """`Before.correct` of the models whose predictions are in DVC's cache or a remote."""
    correct = {}
    for model in models:
        with suppress(FileNotFoundError):
            probabilities = read_arrays(str(copied(f"data/predictions/{model}.npz")), "test")["test"]
            correct[model] = probabilities.argmax(axis=2) == y
    return correct
