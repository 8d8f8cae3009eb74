import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from src.images import splits
from src.pipeline.files import UserError, read_json, write_json
from src.reporting.before import read_before
from tests.reporting.example import example_params, write_example


def call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PATH": PATH})


PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example's files in git and DVC, tagged `first`; then a commit `second` without predictions of model a."""
    here, path = Path.cwd(), tmp_path_factory.mktemp("before")
    os.chdir(path)
    write_example(example_params())
    call("git", "init", "--quiet")
    call("git", "config", "user.name", "somebody")
    call("git", "config", "user.email", "somebody@localhost")
    call("dvc", "init", "--quiet")
    call("dvc", "add", "--quiet", "data/test.npz", *(f"data/predictions/{model}.npz" for model in "abc"))
    call("git", "add", "metrics", "params.yaml", ".dvc", "data/*.dvc", "data/predictions/*.dvc")
    call("git", "commit", "--quiet", "-m", "first")
    call("git", "tag", "first")
    call("git", "rm", "--quiet", "--cached", "data/predictions/a.npz.dvc")
    Path("data/predictions/a.npz.dvc").unlink()
    write_json("metrics/summary.json", {"best_model": "c"})
    call("git", "commit", "--quiet", "-a", "-m", "second")
    yield path
    os.chdir(here)


def test_a_revision_is_read_as_it_was(repository: Path) -> None:
    before = read_before("first", splits.labels("test"))
    assert (before.revision, before.best) == ("first", read_best("first"))
    assert list(before.models) == list("abc")
    assert before.models["a"]["replicas"] == 2
    assert before.models["c"]["test_accuracy"] == pytest.approx(20 / 60)
    assert [(row["seed"], row["epoch"]) for row in before.histories["a"]] == [
        (seed, epoch) for seed in (27, 28) for epoch in (1, 2, 3)
    ]
    assert before.params == {"seed": 27}
    assert {model: correct.mean(axis=1).tolist() for model, correct in before.correct.items()} == {
        model: pytest.approx(shares) for model, shares in {"a": [0.9, 0.85], "b": [0.8], "c": [1 / 3]}.items()
    }


def read_best(revision: str) -> str:
    """The best model by the file at that revision."""
    done = subprocess.run(["git", "show", f"{revision}:metrics/summary.json"], check=True, capture_output=True)
    Path("best.json").write_bytes(done.stdout)
    return str(read_json("best.json")["best_model"])


def test_predictions_that_dvc_lacks_are_left_out(repository: Path) -> None:
    before = read_before("HEAD", splits.labels("test"))
    assert before.best == "c"
    assert list(before.correct) == ["b", "c"]


def test_predictions_on_other_test_images_are_left_out(repository: Path) -> None:
    content = Path("data/test.npz").read_bytes()
    y = splits.labels("test")
    Path("data/test.npz").unlink()  # DVC may have linked it to its cache
    np.savez("data/test.npz", x=np.zeros((60, 28, 28), np.uint8), y=y)
    try:
        assert read_before("first", y).correct == {}
    finally:
        Path("data/test.npz").write_bytes(content)


@pytest.mark.parametrize(
    ("revision", "must"),
    [
        ("nonsense", r"^--against: must be a commit, tag, branch or experiment\. .*nonsense"),
        ("empty", r"^--against: empty must have results as this version writes them\."),
    ],
)
def test_what_is_no_revision_with_results_is_told(repository: Path, revision: str, must: str) -> None:
    call("git", "branch", "--force", "empty", "first")
    tree = subprocess.run(["git", "mktree"], check=True, capture_output=True, input=b"").stdout.decode().strip()
    commit = subprocess.run(["git", "commit-tree", tree, "-m", "nothing"], check=True, capture_output=True)
    call("git", "branch", "--force", "empty", commit.stdout.decode().strip())
    with pytest.raises(UserError, match=must) as error:
        read_before(revision, splits.labels("test"))
    assert "\n" not in str(error.value)
