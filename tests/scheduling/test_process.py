import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from src.scheduling.process import WITH_PARENT, Process

ROOT = Path(__file__).parents[2]
# As DVC: starts a command, lives through its end, and says how it ended.
PARENT = "sleep 60 & echo child $!; wait $!; echo ended $?; exit 7"


def shell(tmp_path: Path, script: str, **variables: str) -> Process:
    return Process(["sh", "-c", script], tmp_path / "log", variables)


def wait_for(true: Callable[[], object]) -> None:
    """Wait until it is true; ten seconds are enough for anything here."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(process: Process) -> int:
    """The exit status."""
    wait_for(lambda: process.poll() is not None)
    return process.process.returncode


def child(process: Process) -> int:
    wait_for(lambda: process.tail(1))
    return int(process.tail(1)[0].split()[1])


def test_a_process_has_a_status_output_and_environment(tmp_path: Path) -> None:
    process = shell(tmp_path, 'echo first; printf "1 %%\\r2 %%\\r\\n\\n"; echo "$SLOT" >&2; exit 3', SLOT="b")
    assert ended(process) == 3
    assert process.tail(2) == ["2 %", "b"]
    assert not process.ran
    assert 0 < process.seconds < 10


def test_a_stop_is_told_to_the_children_and_the_parent_ends_by_itself(tmp_path: Path) -> None:
    process = shell(tmp_path, PARENT)
    pid = child(process)
    process.stop()
    assert ended(process) == 7
    assert process.tail(1) == [f"ended {128 + signal.SIGTERM}"]
    assert not psutil.pid_exists(pid)
    process.stop()  # and where nothing runs any more, nothing happens
    process.kill()


def test_a_child_in_a_session_of_its_own_is_left_alone(tmp_path: Path) -> None:
    process = shell(tmp_path, "setsid sleep 60 & echo child $!; wait $!")
    pid = child(process)
    wait_for(lambda: os.getpgid(pid) == pid)
    process.stop()
    time.sleep(0.2)
    assert process.poll() is None
    process.kill()
    assert ended(process) == -signal.SIGKILL
    os.kill(pid, signal.SIGKILL)


def test_a_kill_ends_the_whole_group(tmp_path: Path) -> None:
    process = shell(tmp_path, PARENT)
    pid = child(process)
    process.kill()
    assert ended(process) == -signal.SIGKILL
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize(
    "complaint", ["ERROR: Unable to acquire lock. Most", "ERROR: 'a' is busy, it is being blocked by:"]
)
def test_a_command_that_found_the_lock_taken_is_started_once_more(tmp_path: Path, complaint: str) -> None:
    script = f'if mkdir {tmp_path}/first; then echo "{complaint}"; exit 255; fi; echo done'
    process = shell(tmp_path, script)
    assert ended(process) == 0
    assert process.tail(1) == ["done"]
    assert process.tries == 2
    again = shell(tmp_path, f'echo "{complaint}"; exit 255')
    assert ended(again) == 255
    assert again.tries == 2


def test_another_failure_is_one(tmp_path: Path) -> None:
    process = shell(tmp_path, "exit 255")
    assert ended(process) == 255
    assert process.tries == 1


@pytest.mark.skipif(not WITH_PARENT, reason="there is no setpriv")
def test_a_killed_parent_takes_its_processes_along(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from src.scheduling.process import Process
print(Process(["sleep", "60"], Path({str(tmp_path / "log")!r}), {{}}).process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        wait_for(lambda: psutil.Process(pid).name() == "sleep")
        parent.kill()
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
