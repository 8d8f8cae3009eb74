"""DVC's state, broken as a kill breaks it, in a small repository with the real DVC."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.health import dvc_state
from src.health.check import Check

STAGES = """stages:
  one:
    cmd: cp zero.txt one.txt; echo ran >> runs.txt
    deps: [zero.txt]
    outs: [one.txt]
  two:
    cmd: cp one.txt two.txt; echo ran >> runs.txt
    deps: [one.txt]
    outs: [two.txt]
"""


def call(top: Path, *command: str) -> subprocess.CompletedProcess[str]:
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(command, cwd=top, capture_output=True, text=True, env=os.environ | identity)


def dvc(top: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(top, sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two stages that ran, committed."""
    top = tmp_path_factory.mktemp("made")
    call(top, "git", "init", "--quiet")
    dvc(top, "init", "--quiet")
    (top / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    (top / "zero.txt").write_text("0", encoding="utf-8")
    done = dvc(top, "repro")
    assert done.returncode == 0, done.stderr
    call(top, "git", "add", "--all")
    call(top, "git", "commit", "--quiet", "--message", "made")
    return top


@pytest.fixture
def top(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which the checks take for theirs."""
    shutil.copytree(made, tmp_path / "top", symlinks=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "top"))
    return tmp_path / "top"


def mended(check: Check) -> None:
    assert check.state == "broken"
    assert check.mend
    assert check.fix
    check.fix()


def works(top: Path) -> None:
    """DVC finds everything up to date: nothing is run anew."""
    done = dvc(top, "repro")
    assert done.returncode == 0, done.stderr
    assert (top / "runs.txt").read_text(encoding="utf-8") == "ran\n" * 2


# dvc.lock


@pytest.mark.parametrize("committed", [True, False])
def test_a_cut_lock_is_told_and_mended_and_nothing_runs_anew(committed: bool, top: Path) -> None:
    if not committed:
        call(top, "git", "rm", "--quiet", "--cached", "dvc.lock")
        call(top, "git", "commit", "--quiet", "--message", "without")
    cut = (top / "dvc.lock").read_bytes().rpartition(b"deps:")[0] + b"deps:"
    (top / "dvc.lock").write_bytes(cut)
    assert "dvc.lock' validation failed" in dvc(top, "repro").stderr
    mended(dvc_state.lock_file())
    assert (top / ".dvc/tmp/dvc.lock.broken").read_bytes() == cut
    works(top)
    assert dvc_state.lock_file() == Check("ok", "whole")


def test_an_empty_lock_is_told(top: Path) -> None:
    (top / "dvc.lock").write_bytes(b"")
    check = dvc_state.lock_file()
    assert check.state == "broken"
    assert check.mend.startswith("git checkout dvc.lock")


def test_no_lock_is_that_of_a_new_repository(top: Path) -> None:
    (top / "dvc.lock").unlink()
    assert dvc_state.lock_file().state == "ok"


# .dvc/tmp/rwlock


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no DVC."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def hold(top: Path, pid: int, command: str = "dvc repro") -> Path:
    """Write that a process is writing one.txt and reading two.txt."""
    info = {"pid": pid, "cmd": command}
    path = top / ".dvc/tmp/rwlock"
    lock = {"write": {str(top / "one.txt"): info}, "read": {str(top / "two.txt"): [info]}}
    path.write_text(json.dumps(lock), encoding="utf-8")
    return path


def test_a_number_that_another_process_has_now_is_told_and_mended(top: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path = hold(top, sleeper.pid)
    assert "is busy" in dvc(top, "repro").stderr  # by DVC's own rule, for ever
    check = dvc_state.running()
    assert str(sleeper.pid) in check.says
    mended(check)
    assert json.loads(path.read_text(encoding="utf-8")) == {"write": {}, "read": {}}
    works(top)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"write": {"a": {}}}', '{"write": 3}'])
def test_a_lock_that_is_not_dvcs_is_told_and_mended(content: str, top: Path) -> None:
    path = top / ".dvc/tmp/rwlock"
    path.write_text(content, encoding="utf-8")
    if content == "":  # which a killed DVC was seen to leave
        assert "JSON structure is corrupted" in dvc(top, "repro").stderr
    mended(dvc_state.running())
    assert not path.exists()
    assert dvc_state.running() == Check("ok", "no DVC is at work")


def test_a_process_that_ended_is_told(top: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    hold(top, process.pid)
    assert str(process.pid) in dvc_state.running().says


def test_a_dvc_at_work_keeps_its_lock(top: Path) -> None:
    with (top / "dvc.yaml").open("a", encoding="utf-8") as file:
        file.write("  slow:\n    cmd: touch started; sleep 600\n    deps: [two.txt]\n    outs: [never]\n")
    command = [sys.executable, "-m", "dvc", "repro", "slow"]
    with subprocess.Popen(command, cwd=top, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while not (top / "started").exists():
            assert process.poll() is None
        check = dvc_state.running()
        os.killpg(process.pid, 9)
    assert check == Check("ok", "3 files in use")
    killed = dvc_state.running()
    assert killed.state == "broken"
    assert str(process.pid) in killed.says


def test_a_process_is_known_by_its_command_line() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "repro", "-s"]) as process:
        assert dvc_state.is_alive(process.pid, "import time; time.sleep(600) repro -s")
        assert not dvc_state.is_alive(process.pid, "/bin/dvc repro -s")
        assert not dvc_state.is_alive(process.pid, "/bin/dvc repro")
        process.kill()


# The data


def test_data_is_compared_by_its_sums(top: Path) -> None:
    assert dvc_state.data() == Check("ok", "as in dvc.lock")
    (top / "one.txt").write_text("other", encoding="utf-8")
    (top / "two.txt").unlink()
    check = dvc_state.data()
    assert check.state == "warning"
    assert check.says == "1 differ from dvc.lock, such as one.txt; 1 are missing, such as two.txt"


def test_a_lost_cache_is_told(top: Path) -> None:
    shutil.rmtree(top / ".dvc/cache/files")
    assert "2 are not in the cache" in dvc_state.data().says


def test_data_of_which_dvc_can_say_nothing_is_told(top: Path) -> None:
    shutil.rmtree(top / ".dvc")
    assert dvc_state.data().state == "broken"
