import subprocess
from pathlib import Path

import pytest

from src.pipeline.origin import source, tags


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: in no repository, and without what DVC says."""
    for name in ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commit(top: Path) -> str:
    """The only commit of a git repository at the top."""
    (top / "params.yaml").write_bytes(b"seed: 27\n")
    git("init", "--quiet")
    git("add", "params.yaml")
    git("commit", "--quiet", "--message", "start")
    return git("rev-parse", "HEAD")


def test_a_run_names_its_commit(commit: str) -> None:
    assert len(commit) == 40
    assert tags() == {
        "dvc.stage": "none",
        "dvc.exp": "workspace",
        "git.commit": commit,
        "git.dirty": "false",
        "mlflow.source.name": "none",
        "mlflow.source.git.commit": commit,
    }


def test_a_run_says_that_a_tracked_file_was_changed(top: Path, commit: str) -> None:
    (top / "params.yaml").write_bytes(b"seed: 28\n")
    assert source() == (commit, True)
    assert tags()["git.dirty"] == "true"


def test_results_that_a_stage_writes_are_no_change_of_what_runs(top: Path, commit: str) -> None:
    (top / "metrics").mkdir()
    results = top / "metrics/images.json", top / "dvc.lock"
    for file in results:
        file.write_bytes(b"old\n")
    git("add", "metrics", "dvc.lock")
    git("commit", "--quiet", "--message", "results")
    for file in results:
        file.write_bytes(b"new\n")
    assert source() == (git("rev-parse", "HEAD"), False)


def test_a_run_names_dvcs_stage_and_experiment(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = "1" * 40
    for name, value in {"STAGE": "train@cm1", "EXP_NAME": "tinny-toes", "EXP_BASELINE_REV": baseline}.items():
        monkeypatch.setenv(f"DVC_{name}", value)
    logged = tags()
    assert (logged["dvc.stage"], logged["dvc.exp"]) == ("train@cm1", "tinny-toes")
    assert logged["git.commit"] == baseline != commit


def test_outside_a_repository_the_commit_is_unknown() -> None:
    assert source() == ("unknown", None)
    assert (tags()["git.commit"], tags()["git.dirty"]) == ("unknown", "unknown")


def test_without_git_the_commit_is_unknown(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert source() == ("unknown", None)


def test_a_repository_that_git_calls_dubious_is_unknown_and_not_clean(
    commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
    assert source() == ("unknown", None)
    assert tags()["git.dirty"] == "unknown"
