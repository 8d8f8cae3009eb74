"""A repository on the move, with the real DVC: remotes, clones, copies, work trees, odd paths, no git.

What one checkout has made, another takes over: it runs nothing, has the same table, and its models predict the same.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from moto.server import ThreadedMotoServer

from src import classifiers
from src.pipeline.untrusted import read_arrays
from src.training.predictor import predictor

ROOT = Path(__file__).parents[1]
STAGES = ("fetch", "prepare", "train", "evaluate", "compare")
ODD = "Übung #1, 100% 'a' & b"
TINY = {
    "architecture": "dropout_cnn",
    "activation": "relu",
    **{"dropout_conv1": 0, "dropout_conv2": 0.3, "dropout_dense1": 0.5},
    **{"optimizer": "adam", "learning_rate": 0.001, "batch_size": 50, "epochs": 1, "replicas": 1},
}


def environment(**other: str) -> dict[str, str]:
    """This environment with a git identity and this Python first, without what a surrounding DVC or MLflow set."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "GIT_"))}
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return own | identity | {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}"} | other


def git(top: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(top), *arguments], check=True, capture_output=True, env=environment())


def dvc(top: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What a DVC command prints; it must succeed."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, env=env or environment())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of this working tree, in a folder with an odd name: five stages ran and are committed."""
    top = tmp_path_factory.mktemp("home") / ODD
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "dvc.lock", "tests/", "docs/")):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, top / name)
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params["fetch"] |= {"source": "digits", "limit": 300}
    params["models"] = {"tiny": TINY}
    params["audit"]["model"] = params["embed"]["model"] = "tiny"
    params["evaluate"]["latency_repeats"] = 2
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    stages = yaml.safe_load((top / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    few = {"stages": {name: stages[name] for name in STAGES}}
    (top / "dvc.yaml").write_text(yaml.safe_dump(few, sort_keys=False), encoding="utf-8")
    git(top, "init", "--quiet")
    dvc(top, "repro")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "made")
    return top


TABLE = "metrics/compare/models.csv"


def is_the_same(there: Path, home: Path) -> None:
    """Nothing runs there, the table is that at home, and the model predicts what it did."""
    output = dvc(there, "repro")
    assert "Running" not in output
    assert "up to date" in output
    assert (there / TABLE).read_bytes() == (home / TABLE).read_bytes()
    model = classifiers.load(str(there / "models/tiny/27.keras"))
    x = read_arrays(str(there / "data/test.npz"), "x")["x"]
    predicted = read_arrays(str(home / "data/predictions/tiny.npz"), "test")["test"][0]
    assert np.allclose(predictor(model, batch_size=50)(x), predicted, atol=1e-6)


def moves_by(home: Path, there: Path, remote: str, *options: str, env: dict[str, str] | None = None) -> None:
    """Push to a remote, clone, pull: the clone is the same."""
    git(home.parent, "clone", "--quiet", str(home), str(there))
    for top in (home, there):
        dvc(top, "remote", "add", "--local", "--force", "--default", "store", remote)
        for option, value in zip(options[::2], options[1::2], strict=True):
            dvc(top, "remote", "modify", "--local", "store", option, value)
    dvc(home, "push", env=env)
    dvc(there, "pull", env=env)
    is_the_same(there, home)


def test_a_clone_takes_over_by_a_folder(home: Path, tmp_path: Path) -> None:
    moves_by(home, tmp_path / "a?b", str(tmp_path / "a remote's folder"))


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of a local server that speaks S3's protocol."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def test_a_clone_takes_over_by_s3(home: Path, tmp_path: Path, s3: str) -> None:
    import boto3

    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    client = boto3.client(
        "s3", endpoint_url=s3, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    )
    client.create_bucket(Bucket="bucket")
    moves_by(home, tmp_path / "clone", "s3://bucket/fashion", "endpointurl", s3, env=environment(**keys))
    assert client.list_objects_v2(Bucket="bucket", Prefix="fashion/files/md5")["KeyCount"] > 5
    client.close()


def test_a_moved_checkout_goes_on(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "first", symlinks=True)
    (tmp_path / "first").rename(tmp_path / "moved")
    is_the_same(tmp_path / "moved", home)


def test_a_work_tree_takes_over_from_the_cache(home: Path, tmp_path: Path) -> None:
    there, cache = tmp_path / "tree", tmp_path / "cache"
    git(home, "worktree", "add", "--quiet", "--detach", str(there))
    cache.symlink_to(home / ".dvc/cache")  # DVC's config takes no letters beyond ASCII
    dvc(there, "cache", "dir", "--local", str(cache))
    dvc(there, "checkout")
    is_the_same(there, home)
    git(home, "worktree", "remove", "--force", str(there))


def test_two_checkouts_run_at_once(home: Path, tmp_path: Path) -> None:
    tops = [tmp_path / name for name in ("one", "two")]
    running = []
    (tmp_path / "cache").symlink_to(home / ".dvc/cache")
    for top in tops:
        shutil.copytree(home, top, symlinks=True)
        dvc(top, "cache", "dir", "--local", str(tmp_path / "cache"))
        command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "fetch", "compare"]
        running.append(subprocess.Popen(command, cwd=top, env=environment(), stdout=subprocess.DEVNULL))
    assert [process.wait() for process in running] == [0, 0]
    assert [(top / TABLE).read_bytes() for top in tops] == [(home / TABLE).read_bytes()] * 2


def test_without_git_and_without_a_name_a_stage_runs(home: Path, tmp_path: Path) -> None:
    top, programs = tmp_path / "top", tmp_path / "programs"
    shutil.copytree(home, top, symlinks=True)
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "")
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    (programs / "python").chmod(0o755)
    bare = {key: value for key, value in environment(PATH=str(programs)).items() if not key.startswith("GIT_")}
    dvc(top, "repro", "--force", "--single-item", "compare", env=bare)
    assert (top / TABLE).read_bytes() == (home / TABLE).read_bytes()


def test_a_copy_without_its_git_folder_is_refused_before_any_work_and_can_be_told_to_do_without(
    home: Path, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    shutil.copytree(home, top, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "compare"]
    refused = subprocess.run(command, cwd=top, capture_output=True, text=True, env=environment())
    assert refused.returncode != 0
    assert refused.stderr.count("\n") == 1
    assert "is not a git repository" in refused.stderr
    dvc(top, "config", "--local", "core.no_scm", "true")
    is_the_same(top, home)
