"""A real Ray of two nodes, of which one is lost while it runs a stage."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src.pipeline import spool
from src.pipeline.files import UserError
from src.scheduling import cluster
from tests import needs

ROOT = Path(__file__).parents[2]
# The first node that runs the stage never gets further.
PIPELINE = """
stages:
  start: {cmd: cp params.yaml start, deps: [params.yaml], outs: [start]}
  train:
    foreach: {a: 1}
    do:
      cmd: 'if mkdir "$DVC_ROOT/first"; then sleep 600; fi; cp start ${key}; echo $MLFLOW_RUN > ${key}.csv'
      deps: [start]
      params: [device]
      outs: ['${key}']
      plots: ['${key}.csv': {cache: false}]
  end: {cmd: cp a end, deps: [a], outs: [end]}
"""


def environment(**other: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "RAY_"))}
    return own | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{own['PATH']}"} | other


def run(top: Path, *command: str) -> None:
    subprocess.run(command, cwd=top, env=environment(), check=True, capture_output=True)


def commit(top: Path) -> None:
    run(top, "git", "add", "--all")
    run(top, "git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "state")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A committed repository with a remote."""
    top = tmp_path / "top"
    top.mkdir()
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (top / "params.yaml").write_text(params.replace("\nthreads: null", "\nthreads: 1"), encoding="utf-8")
    (top / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    run(top, "git", "init", "--quiet")
    run(top, "dvc", "init", "--quiet")
    run(top, "dvc", "remote", "add", "--quiet", "--default", "store", str(tmp_path / "remote"))
    commit(top)
    return top


def test_a_stage_of_a_lost_node_runs_on_another_and_its_result_comes_here(top: Path) -> None:
    needs.module("ray")
    from benchmarks import ray_nodes

    with ray_nodes.cluster() as nodes:
        first = ray_nodes.add_node(nodes)
        command = [sys.executable, "-m", "src", "parallel", "--jobs", "2", "--cluster", nodes.address]
        own = environment(MLFLOW_RUN="forwarded", **ray_nodes.LOOPBACK)
        with subprocess.Popen(command, cwd=top, env=own, stdout=subprocess.PIPE, text=True) as driver:
            while not (top / "first").exists():
                assert driver.poll() is None
                time.sleep(0.1)
            ray_nodes.add_node(nodes)
            ray_nodes.kill_node(nodes, first)
            output, _ = driver.communicate()
    assert driver.returncode == 0, output
    assert "\ndvc repro: nothing to run" in output  # Ray's words on the lost node may follow
    assert (top / "end").read_bytes() == (top / "params.yaml").read_bytes()
    assert (top / "a.csv").read_text(encoding="utf-8") == "forwarded\n"
    logs = {kind: (top / f".dvc/tmp/parallel/train@a{kind}.log").read_text(encoding="utf-8") for kind in ("", ".take")}
    assert "Running stage 'train@a'" in logs[""]
    assert "is cached - skipping run" in logs[".take"]


def test_what_a_node_could_not_send_waits_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    unsent = {"1-run.jsonl": b"{}\n", "1-run/0/model.keras": b"weights", "2-run.jsonl": b"{}\n"}
    cluster.take_over(unsent)
    waiting = spool.pending()
    assert [path.name for path in waiting] == ["1-run.jsonl", "2-run.jsonl"]
    assert not any(spool.alive(path) for path in waiting)
    assert {name: (tmp_path / ".spool" / name).read_bytes() for name in unsent} == unsent


def test_what_the_nodes_run_must_be_committed(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top)
    assert cluster._bundle().startswith(b"# v2 git bundle")
    (top / "metrics").mkdir()
    (top / "metrics/a.csv").touch()
    (top / "dvc.lock").touch()
    cluster._bundle()  # results need not be
    (top / "new.py").touch()
    with pytest.raises(UserError, match=r"must be committed\. Got changes, such as new\.py"):
        cluster._bundle()


def test_without_a_commit_there_is_nothing_to_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "git", "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="a repository with a commit"):
        cluster._bundle()
