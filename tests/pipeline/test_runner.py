import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from src.pipeline import runner

ROOT = Path(__file__).parents[2]
STAGE = """
import resource, signal, time
from pathlib import Path
from src.pipeline.files import UserError, atomic_write, write_json
from src.pipeline.runner import run

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs pytest with `&` has it ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and nohup this one

def work():
    Path("ran.txt").touch()
    write_json("metrics/first.json", {"a": 1})
"""
LEFT = ["ran.txt", "toy.py"]

Stage = Callable[..., subprocess.Popen[str]]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Starts a stage `toy` in a folder; its work writes two files and then does `body`."""

    def start(body: str, **variables: str) -> subprocess.Popen[str]:
        (tmp_path / "toy.py").write_text(f'{STAGE}    {body}\n\nrun("toy", work)\n', encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, "toy.py"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_a_stage_that_ends_well_keeps_its_files(stage: Stage, tmp_path: Path) -> None:
    process = stage("print('done')")
    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0
    assert files(tmp_path) == ["metrics/first.json", *LEFT]


KEPT = re.escape(
    "The stage's output files were removed. Fix the cause and run it again (TRACEBACK=1 shows the traceback)."
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise UserError('k: must be 1. Got 2.')", "k: must be 1. Got 2."),
        ("open('data/train.npz')", f"No such file or directory: data/train.npz. {KEPT}"),
        ("write_json('/sys/a.json', 1)", f"(Permission denied|Read-only .*): /sys/.unfinished.a.json. {KEPT}"),
        (
            "Path('.unfinished.a.json').symlink_to('/dev/full'); write_json('a.json', 1)",  # as on a full disk
            f"No space left on device: a.json. {KEPT}",
        ),
        (
            "resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99)); write_json('a.json', 'x' * 9999)",
            f"File too large: a.json. {KEPT}",
        ),
        ("e = UserError('no.'); e.add_note('The run is open.'); raise e", "no.\ntoy: The run is open."),
        ("e = OSError('no'); e.add_note('The run is open.'); raise e", f"no. {KEPT}\ntoy: The run is open."),
        ("raise OSError('first line\\nsecond line')", f"first line. {KEPT}"),
    ],
    ids=[
        "a user's error",
        "no file",
        "no permission",
        "a full disk",
        "a file cut off",
        "a note",
        "a note of the system",
        "without a number",
    ],
)
def test_what_a_user_can_put_right_is_told_in_a_line_and_leaves_nothing(
    stage: Stage, tmp_path: Path, body: str, message: str
) -> None:
    process = stage(body)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert re.fullmatch(f"toy: {message}\n", err), err
    assert process.returncode == 1
    assert files(tmp_path) == LEFT


def test_files_are_said_to_be_removed_only_where_some_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "written", [])
    with pytest.raises(SystemExit) as end:
        runner.run("sync", lambda: print(Path("data/none").read_bytes()))
    advice = "Fix the cause and run it again (TRACEBACK=1 shows the traceback)."
    assert end.value.code == f"sync: No such file or directory: data/none. {advice}"


def test_where_an_error_of_the_system_came_from_is_shown_on_request(stage: Stage, tmp_path: Path) -> None:
    _, err = stage("open('data/train.npz')", TRACEBACK="1").communicate(timeout=60)
    assert err.startswith("Traceback")
    assert "toy.py" in err
    assert err.endswith("No such file or directory: 'data/train.npz'\n")
    assert files(tmp_path) == LEFT


def test_an_error_of_the_code_keeps_its_traceback_and_leaves_nothing(stage: Stage, tmp_path: Path) -> None:
    process = stage("1 / 0")
    _, err = process.communicate(timeout=60)
    assert err.startswith("Traceback")
    assert err.endswith("ZeroDivisionError: division by zero\n")
    assert 'toy.py", line' in err
    assert process.returncode == 1
    assert files(tmp_path) == LEFT


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stage_that_is_stopped_says_so_by_its_status_and_leaves_nothing(
    stage: Stage, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    process = stage("with atomic_write('half.npz') as file: file.touch(); print('half', flush=True); time.sleep(60)")
    assert process.stdout
    assert process.stdout.readline() == "half\n"
    assert files(tmp_path) == [".unfinished.half.npz", "metrics/first.json", *LEFT]
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == status
    assert files(tmp_path) == LEFT


def test_a_signal_that_nohup_ignores_stays_ignored(stage: Stage, tmp_path: Path) -> None:
    nohup = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    process = stage(f"signal.raise_signal(signal.SIGHUP); print('done')\n\n{nohup}")
    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0
    assert files(tmp_path) == ["metrics/first.json", *LEFT]


PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "toy.py"])
time.sleep(60)
"""


@pytest.mark.parametrize(("variable", "by_dvc"), [("toy", True), ("another", False), (None, False)])
def test_a_stage_whose_dvc_is_killed_ends_and_leaves_nothing(
    stage: Stage, tmp_path: Path, variable: str | None, by_dvc: bool
) -> None:
    stage("").communicate()  # writes toy.py
    text = (tmp_path / "toy.py").read_text(encoding="utf-8").replace('    \n\nrun("toy"', WAITING)
    (tmp_path / "toy.py").write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}
    environment |= {"PYTHONPATH": str(ROOT)} | ({"DVC_STAGE": variable} if variable else {})
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "written\n"
        parent.kill()
        start = time.monotonic()
        rest = parent.stdout.read()  # until the stage has ended, too
        assert (time.monotonic() - start < 3) == by_dvc
    assert rest == ("" if by_dvc else "ended\n")
    assert files(tmp_path) == (LEFT if by_dvc else ["metrics/first.json", *LEFT])


WAITING = """
    print("written", flush=True)
    time.sleep(4)
    print("ended", flush=True)

run("toy\""""
