"""What a user does to add a model or an architecture, done on a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.pipeline.files import read_csv, read_json

ROOT = Path(__file__).parents[1]
BLOCK = """  mine:
    architecture: {architecture}
    activation: relu
{own}    optimizer: adam
    learning_rate: 0.001
    batch_size: 10
    epochs: 1
    replicas: 1
"""
ARCHITECTURE = '''"""One dense layer."""

from typing import Any

from src.pipeline.schema import Activation, Count


def body(x: Any, *, activation: Activation, width: Count) -> Any:
    """(n, side, side, 1) float32 -> (n, width) float32."""
    from keras import layers

    return layers.Dense(width, activation=activation, name="embedding")(layers.Flatten()(x))
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, with twenty images of two labels in place of the splits."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "data").mkdir()
    x, y = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8), np.arange(20) % 2
    for split in ("train", "val", "test"):
        np.savez(tmp_path / f"data/{split}.npz", x=x, y=y, labels=np.array(["a", "b"]))
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environment = os.environ | {"DVC_ROOT": str(folder), "DVC_NO_ANALYTICS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_block(folder: Path, architecture: str, own: str = "") -> None:
    """Put a block into `models` of params.yaml, before all others."""
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count("\nmodels:\n") == 1
    block = BLOCK.format(architecture=architecture, own=own)
    path.write_text(text.replace("\nmodels:\n", f"\nmodels:\n{block}"), encoding="utf-8")


def check_model(folder: Path, n_params: int) -> None:
    """DVC knows the new model's stages, and they run."""
    run(folder, "dvc", "init", "--no-scm", "--quiet")
    stages = run(folder, "dvc", "stage", "list", "--name-only").split()
    assert {"train@mine", "evaluate@mine"} <= set(stages)
    for stage in ("train", "evaluate"):
        run(folder, "src", stage, "mine")
    assert read_json(folder / "data/runs/mine.json")["n_params"] == n_params
    assert sum(int(row["n_params"]) for row in read_csv(folder / "metrics/train/layers/mine.csv")) == n_params
    with np.load(folder / "data/predictions/mine.npz") as predictions:
        assert predictions["test"].shape == (1, 20, 2)


def test_a_model_is_a_block(copy: Path) -> None:
    add_block(copy, "cm1")
    conv, dense = (9 + 1) * 32 + (9 * 32 + 1) * 32, (12 * 12 * 32 + 1) * 256 + (256 + 1) * 2
    check_model(copy, conv + dense)


def test_an_architecture_is_a_file_and_a_block(copy: Path) -> None:
    (copy / "src/classifiers/one_layer.py").write_text(ARCHITECTURE, encoding="utf-8")
    add_block(copy, "one_layer", own="    width: 3\n")
    check_model(copy, (28 * 28 + 1) * 3 + (3 + 1) * 2)
