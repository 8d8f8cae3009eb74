"""Trainings that are killed and go on: at every crash point, on both backends, and under the real `dvc repro`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import kills
from tests import needs
from tests.repository import change_params, commit

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What tests/crashes.py finds."""
    top = tmp_path_factory.mktemp("crashes")
    done = subprocess.run(
        [sys.executable, "-m", "tests.crashes", str(top)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_process_may_end_at_any_write_fsync_or_replace(attempts: list[dict[str, Any]]) -> None:
    *points, _ = attempts
    names = [point["point"].split(": ")[1] for point in points]
    kinds = {f"replace .{suffix}" for suffix in ("checkpoint", "keras", "csv", "json", "done")}
    assert set(names) == {"write", "fsync"} | kinds
    assert names.count("replace .checkpoint") == 3  # after two epochs, and when the run is closed
    for point in points:
        assert point.pop("point")
        assert point == {
            "status": 9,
            "logged before they were kept": [],
            "resumed": 0,
            "trained again": [],
            "equal": True,
            "never logged": [],
            "left": [],
        }


def test_a_stop_in_the_third_of_four_replicas_keeps_what_is_finished(attempts: list[dict[str, Any]]) -> None:
    stopped = attempts[-1]
    assert stopped["status"] == 128 + signal.SIGTERM
    epochs = [f"tiny-seed{seed} {epoch}" for seed in (27, 28) for epoch in (1, 2)]
    assert stopped["kept"] == [*epochs, "tiny-seed29 1"]
    assert stopped["left"] == []  # a stage that fails leaves none of its outputs
    assert stopped["equal"]


TRAINING = """
import sys
from pathlib import Path
import numpy as np
from src.training import checkpoint
from src.training.checkpoint import Record
from src.training.device import setup_device
from src.training.loop import fit

setup_device(seed=7, device="cpu", threads=None)
import keras
keras.utils.set_random_seed(7)
images = keras.Input((6,))
x = keras.layers.Dense(8, "relu", name="dense1")(images)
x = keras.layers.BatchNormalization(name="norm")(keras.layers.Dropout(0.5, name="dropout")(x))
model = keras.Model(images, keras.layers.Dense(2, "softmax", name="label")(x))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.optimizer.build(model.trainable_variables)
first = int(sys.argv[1])
if first > 1:
    assert checkpoint.assign(checkpoint.load(Path(f"state{first - 1}")), checkpoint.state(model, finished=False))
x = np.random.default_rng(0).normal(size=(34, 6)).astype(np.float32)
y = np.eye(2, dtype=np.float32)[np.arange(34) % 2]

def on_epoch(epoch, logs):
    checkpoint.write(Path(f"state{epoch}"), Record(), checkpoint.state(model, finished=False))
    print(epoch, logs)

fit(model, (x, y), (x[:9], y[:9]), first_epoch=first, epochs=3, batch_size=8, seed=7,
    on_steps=lambda steps: None, on_epoch=on_epoch)
"""


def test_a_training_with_jax_goes_on_in_another_process_to_the_same_bytes(tmp_path: Path) -> None:
    needs.module("jax")

    def train(first: int) -> list[str]:
        own = os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "KERAS_BACKEND": "jax"}
        command = [sys.executable, "-c", TRAINING, str(first)]
        done = subprocess.run(command, cwd=tmp_path, env=own, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.splitlines()

    logs, whole = train(1), (tmp_path / "state3").read_bytes()
    (tmp_path / "state3").unlink()
    assert train(2) == logs[1:]
    assert (tmp_path / "state3").read_bytes() == whole


@pytest.fixture(scope="module")
def prepared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the recipe of benchmarks/kills.py, before its training."""
    top = tmp_path_factory.mktemp("prepared") / "top"
    shutil.copytree(finished, top, symlinks=True)
    models = {kills.MODEL: kills.RECIPE | {"epochs": 2, "replicas": 2}}
    uses = {stage: {"model": kills.MODEL} for stage in ("embed", "audit")}
    change_params(top, lambda params: params.update(models=models, **{key: params[key] | uses[key] for key in uses}))
    commit(top, "another model")
    return top


def train(top: Path, *command: str, kill_at: str | None = None) -> str:
    """What a command of DVC prints that trains; its process group is killed when it prints `kill_at`."""
    output = ""
    with subprocess.Popen(
        ["dvc", *command, f"train@{kills.MODEL}"],
        cwd=top,
        env=kills.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            output += line
            if kill_at and kill_at in line:
                os.killpg(process.pid, signal.SIGKILL)
                kill_at = None
    return output


def test_a_killed_training_goes_on_after_the_last_finished_epoch_in_a_copy_too(prepared: Path, tmp_path: Path) -> None:
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    for top in (unbroken, killed):
        shutil.copytree(prepared, top, symlinks=True)
    train(unbroken, "repro")
    output = [
        train(killed, "repro", kill_at="seed27 epoch 1/"),
        train(killed, "exp", "run", "--temp", kill_at="seed28 epoch 1/"),
        train(killed, "repro"),
    ]
    assert ["goes on after epoch 1" in text for text in output] == [False, True, True]
    assert "seed27: was finished before" in output[2]
    epochs = [line.split("/")[0] for line in "".join(output).splitlines() if ", val_loss " in line]
    assert epochs == [f"train: dropout-seed{seed} epoch {epoch}" for seed in (27, 28) for epoch in (1, 2)]
    expected, results = (
        {name: content for name, content in kills.results(top).items() if kills.MODEL in name}
        for top in (unbroken, killed)
    )
    assert len(expected) == 4
    assert results == expected
    report = json.loads((killed / f"data/runs/{kills.MODEL}.json").read_text(encoding="utf-8"))
    assert [seed["n_resumed"] for seed in report["seeds"]] == [1, 1]
    assert "up to date" in train(killed, "repro")
    checkpoints = list((killed / ".checkpoints").glob("*.checkpoint"))
    assert len(checkpoints) == 2  # until the next training, for DVC has recorded them
