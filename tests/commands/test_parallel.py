"""A small pipeline with the real DVC: run side by side, failing, interrupted; and the same one after the other."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from src.commands import parallel
from src.scheduling.schedule import Schedule

ROOT = Path(__file__).parents[2]
PIPELINE = """
stages:
  start: {cmd: cp params.yaml start, deps: [params.yaml], outs: [start]}
  left: {cmd: 'grep -q fine start && cp start left', deps: [start], outs: [left]}
  right: {cmd: 'if grep -q bad start; then sleep 600; fi; cp start right', deps: [start], outs: [right]}
  end: {cmd: cat left right > end, deps: [left, right], outs: [end: {cache: false}]}
"""


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C works as in a terminal; what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def environment(top: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    return own | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{own['PATH']}"}


def lay_out(top: Path, state: str) -> None:
    (top / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    (top / "params.yaml").write_text(f"state: {state}\n", encoding="utf-8")
    run(top, "git", "init", "--quiet")
    run(top, "dvc", "init", "--quiet")


def run(top: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=top, env=environment(top), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended may be there until its new parent takes note."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def files(top: Path) -> dict[str, bytes]:
    return {name: (top / name).read_bytes() for name in ("dvc.lock", "left", "right", "end")}


def test_a_failure_an_interruption_and_a_second_run_end_as_a_serial_run(tmp_path: Path) -> None:
    serial, top = tmp_path / "serial", tmp_path / "parallel"
    for folder, state in ((serial, "fine"), (top, "bad")):
        folder.mkdir()
        lay_out(folder, state)
    run(serial, "dvc", "repro")
    command = [sys.executable, "-m", "src", "parallel", "--jobs", "2"]
    with subprocess.Popen(command, cwd=top, env=environment(top), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("left: failed"):  # while `right` runs
                dvcs = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert {"start: started", "left: started", "right: started"} < set(lines)
    assert "end: started" not in lines
    assert dvcs
    assert not any(map(is_alive, dvcs))

    (top / "params.yaml").write_text("state: fine\n", encoding="utf-8")
    output = run(top, *command)
    order = [line.split(":")[0] for line in output.splitlines() if "started" in line]
    assert sorted(order[1:3]) == ["left", "right"]
    assert order[::3] == ["start", "end"]
    assert order[4:] == ["dvc repro"]
    assert output.index("right: started") < output.index("left: done")
    assert output.index("left: started") < output.index("right: done")
    assert output.splitlines()[-1].startswith("dvc repro: nothing to run")
    assert files(top) == files(serial)
    assert "up to date" in (top / ".dvc/tmp/parallel/dvc repro.log").read_text(encoding="utf-8")
    seconds = json.loads((top / ".dvc/tmp/parallel/seconds.json").read_text(encoding="utf-8"))
    assert set(seconds) == {"start", "left", "right", "end"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with room for outputs of stages."""
    monkeypatch.chdir(tmp_path)
    parallel.FOLDER.mkdir(parents=True)
    return tmp_path / parallel.FOLDER


def test_a_line_for_each_failed_stage_and_one_for_what_was_left_out(folder: Path) -> None:
    schedule = Schedule({"a": set(), "b": set(), "c": {"a"}, parallel.PROOF: {"c"}}, jobs=1, seconds={})
    with pytest.raises(Exception, match="a failed") as error:
        parallel._check(schedule, ["a", "b"])
    assert str(error.value).splitlines() == [
        "a failed: .dvc/tmp/parallel/a.log has its output.",
        "parallel: b failed: .dvc/tmp/parallel/b.log has its output.",
        "parallel: left out, for they need what failed: c.",
    ]


def test_the_last_repro_must_have_nothing_to_do(folder: Path) -> None:
    done = Schedule({}, jobs=1, seconds={})
    log = folder / f"{parallel.PROOF}.log"
    log.write_text("Data and pipelines are up to date.\n", encoding="utf-8")
    parallel._check(done, [])
    log.write_text("Running stage 'a':\n", encoding="utf-8")
    with pytest.raises(Exception, match="nothing must change while stages run"):
        parallel._check(done, [])


def test_a_second_one_is_refused(folder: Path) -> None:
    refused = pytest.raises(Exception, match="one `parallel` must run here at a time")
    with parallel._alone(), refused, parallel._alone():
        pass
    with parallel._alone():
        pass


@pytest.mark.parametrize("jobs", [["--jobs", "0"], ["--jobs", "x"], []])
def test_the_number_of_jobs_must_be_given(jobs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parallel.main(jobs)
    assert end.value.code == 2
    assert "--jobs" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["0", "-1", "1.5", "inf", "nan", "half"])
def test_a_share_that_is_neither_a_part_nor_whole_gpus_is_refused(
    share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parallel.main(["--jobs", "2", "--gpus-per-stage", share])
    assert f"must be a part of a GPU, as 0.5, or a whole number of them. Got {share}" in capsys.readouterr().err
