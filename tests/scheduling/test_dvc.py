import subprocess
from pathlib import Path

import pytest

from src.pipeline.files import UserError
from src.scheduling import dvc

ROOT = Path(__file__).parents[2]
HEAD = "schema: '2.0'\nstages:\n"
C, A, B = "  c:\n    cmd: z\n    deps:\n    - path: x\n", "  a@x:\n    cmd: y\n", "  '12':\n    cmd: w\n"
LOCK = HEAD + C + A + B


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository that is the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path


def git(top: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", "-C", str(top), *identity, *arguments], check=True, capture_output=True)


def test_stages_are_arranged_and_keep_their_bytes() -> None:
    assert dvc.arrange(LOCK, ["c", "a@x", "12"]) == LOCK
    assert dvc.arrange(LOCK, ["12", "a@x", "12", "c"]) == HEAD + B + A + C
    assert dvc.arrange(LOCK, ["a@x"]) == HEAD + A + C + B  # unknown ones stay behind, as they were
    assert dvc.arrange(HEAD, ["a"]) == HEAD


def test_committed_stages_keep_their_places_and_new_ones_follow_in_order_of_dvc_yaml(top: Path) -> None:
    path = top / "dvc.lock"
    path.write_text(LOCK, encoding="utf-8")
    graph = {"12": set[str](), "a@x": set[str](), "c": set[str]()}
    dvc.sort_lock(graph)  # without git
    assert path.read_text(encoding="utf-8") == HEAD + B + A + C
    git(top, "init", "--quiet")
    dvc.sort_lock(graph)  # without a commit
    path.write_text(HEAD + C + B, encoding="utf-8")
    git(top, "add", "dvc.lock")
    git(top, "commit", "--quiet", "--message", "lock")
    path.write_text(LOCK, encoding="utf-8")
    dvc.sort_lock(graph)
    assert path.read_text(encoding="utf-8") == HEAD + C + B + A


def test_stages_that_compute_on_the_device(top: Path) -> None:
    (top / "dvc.yaml").write_text(
        "stages: {train: {foreach: x, do: {params: [seed, device]}}, embed: {params: [device]}, fetch: {cmd: x},"
        " compare: {params: [{other.yaml: [x]}]}}",
        encoding="utf-8",
    )
    graph = {name: set[str]() for name in ("train@a", "train@b", "embed", "fetch", "compare")}
    assert dvc.device_stages(graph) == {"train@a", "train@b", "embed"}


def test_stages_that_go_to_a_cluster_leave_nothing_that_the_run_cache_does_not_keep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    graph = {name: set[str]() for name in ("fetch", "train@cm1", "evaluate@cm1", "embed", "report")}
    assert dvc.device_stages(graph) == {"train@cm1", "evaluate@cm1", "embed"}
    assert dvc.uncached("train@cm1") == ["metrics/train/history/cm1.csv", "metrics/train/layers/cm1.csv"]
    assert dvc.uncached("report") == ["metrics/report.html"]
    for stage in dvc.device_stages(graph):  # an output (no plot or metric) in git, and DVC keeps no runs of the stage
        assert not any(isinstance(out, dict) for out in dvc._definition(stage)["outs"])


@pytest.mark.usefixtures("top")
def test_what_dvc_cannot_read_is_told_in_a_line() -> None:
    with pytest.raises(UserError, match=r"DVC must be able to read .*repository.*doctor") as error:
        dvc.read_graph()
    assert "\n" not in str(error.value)
