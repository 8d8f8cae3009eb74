import os
import subprocess
import time
from pathlib import Path

import pytest

from src.health.repository import AGE, git, remove, run_git, unfinished
from src.inference import trainings
from src.pipeline.files import repository_root
from src.scheduling import node
from src.sweeping.records import sweep_folder

SWEEP = str(sweep_folder("a").relative_to(repository_root()))


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository of a user with a name."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for key, value in {"name": "t", "email": "t@localhost", "useConfigOnly": "true"}.items():
        subprocess.run(["git", "-C", tmp_path, "config", f"user.{key}", value], check=True)
    return tmp_path


def test_a_repository_is_in_order(top: Path) -> None:
    check = git()
    assert (check.state, check.mend) == ("ok", "")
    assert check.says[0].isdigit()


def test_no_git_is_told(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(top))
    check = git()
    assert check.state == "warning"
    assert check.says.startswith("not installed")
    assert run_git("status").returncode == 127


def test_a_user_without_a_name_is_told(top: Path) -> None:
    subprocess.run(["git", "-C", top, "config", "--unset", "user.name"], check=True)
    check = git()
    assert check.state == "warning"
    assert check.says.startswith("does not know who you are")


def test_another_users_repository_is_told(top: Path) -> None:
    if os.getuid():
        pytest.skip("only root can give a folder away")
    os.chown(top, 12345, 12345)
    check = git()
    assert check.state == "broken"
    assert check.mend == f"git config --global --add safe.directory '{top}'"


def test_a_copy_without_git_is_told_and_dvc_can_be_told_too(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = top / "copy"  # in a repository, but none of its own
    (copy / ".dvc").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(copy))
    check = git()
    assert check.state == "broken"
    assert "dvc config core.no_scm true" in check.mend
    (copy / ".dvc/config").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    assert git().state == "warning"


def test_half_written_files_of_killed_processes_are_told_and_removed(top: Path) -> None:
    (top / "data").mkdir()
    fresh, old, other = top / "data/.unfinished.a.npz", top / "data/.unfinished.b.npz", top / "data/c.npz"
    for path in (fresh, old, other):
        path.touch()
    before = time.time() - AGE - 1
    os.utime(old, (before, before))
    os.utime(other, (before, before))
    check = unfinished()
    assert check.state == "warning"
    assert check.says == "1 left by killed processes: data/.unfinished.b.npz"
    assert check.fix
    check.fix()
    assert sorted((top / "data").iterdir()) == [fresh, other]  # the fresh one may be in the making
    assert unfinished().state == "ok"


@pytest.mark.parametrize("folder", ["models", ".spool/1-7", str(trainings.FOLDER), node.FOLDER, SWEEP])
def test_half_written_files_are_looked_for_wherever_files_are_written_whole(folder: str, top: Path) -> None:
    (top / folder).mkdir(parents=True)
    path = top / folder / ".unfinished.a"
    path.touch()
    os.utime(path, (0, 0))
    assert unfinished().says == f"1 left by killed processes: {folder}/.unfinished.a"


def test_what_is_gone_already_is_removed_too(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    remove([tmp_path / "a", tmp_path / "b"])
    assert list(tmp_path.iterdir()) == []
