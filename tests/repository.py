"""A repository of its own for tests with the real DVC: this working tree and its params, shrunk to what takes a minute.

It has a model of two seeds, and one with an architecture of its own: a file and a block, as docs/models.md has it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from src.images.fashion_mnist import DEBIAN_FOLDER

ODD = "Übung #1, 100% 'a' & b"  # a folder's name
ROOT = Path(__file__).parents[1]
REAL = DEBIAN_FOLDER.is_dir()  # else digits, whose garments are digits
SMALL = {"source": "fashion_mnist" if REAL else "digits", "limit": 400}
TRAINING = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 50, "epochs": 1}
DROPOUT = {"dropout_conv1": 0, "dropout_conv2": 0.3, "dropout_dense1": 0.5}
WIDTH = 3
ARCHITECTURE = '''"""One dense layer."""

from typing import Any

from src.pipeline.schema import Activation, Count


def body(x: Any, *, activation: Activation, width: Count) -> Any:
    """(n, side, side, channels) float32 -> (n, width) float32."""
    from keras import layers

    return layers.Dense(width, activation=activation, name="embedding")(layers.Flatten()(x))
'''
STAGES = ["fetch", "prepare", "compare", "audit", "slices", "embed", "cluster", "stability", "decode", "register"]
STAGES += ["report"]
STAGES += [f"{stage}@{model}" for stage in ("train", "evaluate") for model in ("encoder", "my_net")]


def made(name: str) -> bool:
    """Whether a tracked file is made by stages, or only tests need it; no stage makes metrics/infer."""
    return name.startswith(("metrics/", "dvc.lock", "tests/")) and not name.startswith("metrics/infer/")


def make(top: Path) -> None:
    """Lay the repository out and run the pipeline; its results are committed and its runs sent."""
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file() and not made(name):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, top / name)
    (top / "src/classifiers/one_layer.py").write_text(ARCHITECTURE, encoding="utf-8")
    change_params(top, shrink)
    git(top, "init", "--quiet")
    commit(top, "start")
    assert sorted(ran(dvc(top, "repro"))) == sorted(STAGES)
    commit(top, "results")
    sync(top)


def shrink(params: dict[str, Any]) -> None:
    """Few images, two models, one epoch."""
    params["fetch"] |= SMALL
    shared = TRAINING | {"activation": "relu"}
    params["models"] = {
        "encoder": shared | DROPOUT | {"architecture": "dropout_cnn", "replicas": 2},
        "my_net": shared | {"architecture": "one_layer", "width": WIDTH, "replicas": 1},
    }
    params["cluster"]["min_samples"] = 5
    params["audit"]["model"] = params["embed"]["model"] = "encoder"
    params["evaluate"]["latency_repeats"] = 2
    params["stability"] |= {"max_clusters": 4, "n_seeds": 2, "n_bootstrap": 5, "min_cluster_size": 5}
    params["stability"] |= {"silhouette_sample": 100}


def change_params(top: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change params.yaml."""
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    change(params)
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def environment(**variables: str) -> dict[str, str]:
    """This environment with a git identity and this Python first, without what a surrounding DVC or MLflow set."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "GIT_"))}
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return own | identity | {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}"} | variables


def git(top: Path, *arguments: str) -> None:
    """Run a command of git; it must succeed."""
    subprocess.run(["git", "-C", str(top), *arguments], check=True, capture_output=True, env=environment())


def commit(top: Path, message: str) -> None:
    """Commit all that is not ignored."""
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", message)


def dvc(top: Path, *arguments: str, fails: bool = False, env: dict[str, str] | None = None) -> str:
    """What a command of DVC prints; it must succeed, or fail where that is expected."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, env=env or environment())
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def ran(output: str) -> list[str]:
    """The stages that DVC says it ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def sync(top: Path) -> None:
    """Wait until all runs are in MLflow's store."""
    subprocess.run([sys.executable, "-m", "src", "sync"], cwd=top, check=True, env=environment(), capture_output=True)
