import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.training.checkpoint_folder import mark_done, remove_recorded, reserved, stale

ROOT = Path(__file__).parents[2]
KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a repository's checkpoints; the repository is the current folder."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".checkpoints"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill(key: str) -> None:
    with reserved(key) as path:
        assert path
        path.write_text("", encoding="utf-8")
        path.with_name(f".unfinished.{path.name}").write_text("", encoding="utf-8")


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the training KEY."""
    code = f"""
import time
from src.training.checkpoint_folder import reserved
with reserved("{KEY}") as path:
    print(path, flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{tmp_path}/.checkpoints/{KEY}.checkpoint\n"
        yield process
        process.kill()


def test_only_one_process_has_a_checkpoint_and_a_killed_one_gives_it_free(other_process: subprocess.Popen[str]) -> None:
    with reserved(KEY) as path, reserved(OTHER) as other:
        assert path is None
        assert other
    other_process.kill()
    other_process.wait()
    with reserved(KEY) as path:
        assert path


def recorded(folder: Path, report: str) -> None:
    """Write dvc.lock as DVC does when it has recorded a report."""
    md5 = hashlib.md5((folder / report).read_bytes(), usedforsecurity=False).hexdigest()
    (folder / "dvc.lock").write_text(f"    - path: {report}\n      md5: {md5}\n", encoding="utf-8")


def test_checkpoints_stay_until_dvc_has_recorded_their_trainings(tmp_path: Path, checkpoints: Path) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    remove_recorded()
    for key in (KEY, OTHER, "c" * 64):
        fill(key)
    mark_done("report.json", [KEY, OTHER])
    files = names(checkpoints)
    assert len(files) == 3 * 3 + 1
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n", encoding="utf-8")
    remove_recorded()
    assert names(checkpoints) == files
    recorded(tmp_path, "report.json")
    remove_recorded()
    assert names(checkpoints) == [file for file in files if "c" * 64 in file]


def test_what_another_process_uses_is_never_removed(
    tmp_path: Path, checkpoints: Path, other_process: subprocess.Popen[str]
) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    (checkpoints / f"{KEY}.checkpoint").touch()
    mark_done("report.json", [KEY])
    recorded(tmp_path, "report.json")
    remove_recorded()
    assert names(checkpoints) == [f"{KEY}.checkpoint", f"{KEY}.lock"]
    assert stale(-1) == []
    other_process.kill()
    other_process.wait()
    assert [path.name for path in stale(-1)] == [f"{KEY}.checkpoint", f"{KEY}.lock"]


def test_stale_are_files_of_old_trainings(tmp_path: Path, checkpoints: Path) -> None:
    assert stale(0) == []
    fill(KEY)
    fill(OTHER)
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    mark_done("report.json", [KEY])
    old = time.time() - 100
    for path in checkpoints.iterdir():
        if OTHER not in path.name:
            os.utime(path, (old, old))
    assert sorted(path.suffix for path in stale(50)) == [".checkpoint", ".checkpoint", ".done", ".lock"]
    assert all(OTHER not in path.name for path in stale(50))
    assert stale(200) == []
