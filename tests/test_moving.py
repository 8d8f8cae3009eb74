"""A repository on the move, with the real DVC: remotes, clones, copies, work trees, odd paths, no git.

What one checkout has made, another takes over: it runs nothing, has the same table, and its models predict the same.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from src import classifiers
from src.pipeline.untrusted import read_arrays
from src.training.predictor import predictor
from tests.repository import ODD, dvc, environment, git


@pytest.fixture(scope="module")
def home(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, in a folder with an odd name."""
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("home") / ODD, symlinks=True))


TABLE = "metrics/compare/models.csv"


def is_the_same(there: Path, home: Path) -> None:
    """Nothing runs there, the table is that at home, and the model predicts what it did."""
    output = dvc(there, "repro")
    assert "Running" not in output
    assert "up to date" in output
    assert (there / TABLE).read_bytes() == (home / TABLE).read_bytes()
    model = classifiers.load(str(there / "models/encoder/27.keras"))
    x = read_arrays(str(there / "data/test.npz"), "x")["x"]
    predicted = read_arrays(str(home / "data/predictions/encoder.npz"), "test")["test"][0]
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
        command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "prepare", "compare"]
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
