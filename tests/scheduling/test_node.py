import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from src.scheduling import node

ROOT = Path(__file__).parents[2]


def test_it_needs_pythons_library_alone() -> None:
    text = Path(node.__file__).read_text(encoding="utf-8")
    imports = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= sys.stdlib_module_names


def test_a_step_has_a_status_an_output_this_python_first_and_none_of_rays_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with (tmp_path / "log").open("wb") as output:
        command = ["sh", "-c", 'command -v python; echo "$NAME$OMP_NUM_THREADS"; pwd; exit 4']
        assert node._call(command, tmp_path, output, {"NAME": "x"}) == 4
    python, name, place = (tmp_path / "log").read_text(encoding="utf-8").split()
    assert Path(python).parent == Path(sys.executable).parent
    assert (name, place) == ("x", str(tmp_path))


def test_a_cancelled_step_is_told_to_end_and_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"trap 'echo told >> {log}; exit 3' TERM; echo $$ > {tmp_path}/pid; while true; do sleep 0.05; done"
    main = threading.main_thread().ident
    assert main
    timer = threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with log.open("ab") as output, pytest.raises(KeyboardInterrupt):
            node._call(["sh", "-c", script], tmp_path, output, {})
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert log.read_text(encoding="utf-8").splitlines()[-1] == "told"
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text(encoding="utf-8")))


def test_a_node_that_would_lose_the_runs_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    top = str(tmp_path)
    work: node.Work = {"stage": "a", "state": {}, "wanted": [], "top": top, "word": "word", "variables": {}}
    result = node.run_stage(work, b"")
    assert result["status"] == 1
    assert b"MLFLOW_TRACKING_URI must be" in result["output"]


@pytest.mark.parametrize("status", [0, 1])
def test_an_mlflow_server_that_is_away_changes_no_status_and_what_it_lacks_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    files = {"1-run.jsonl": b"{}\n", "1-run/0/model.keras": b"weights", "trouble.txt": b"away", "sender.lock": b""}

    def call(command: Sequence[str], top: Path, *_: object) -> int:
        if "sync" in command:
            return 1
        for name, content in files.items():
            (top / ".spool" / name).parent.mkdir(parents=True, exist_ok=True)
            (top / ".spool" / name).write_bytes(content)
        return status

    monkeypatch.setattr(node, "_call", call)
    monkeypatch.setattr(node, "_clone", lambda bundle, state, top: top.mkdir())
    variables = {"MLFLOW_TRACKING_URI": "http://away"}
    top = str(tmp_path)
    work: node.Work = {"stage": "a", "state": {}, "wanted": [], "top": top, "word": "word", "variables": variables}
    result = node.run_stage(work, b"")
    assert result["status"] == status
    assert result["unsent"] == {name: files[name] for name in ("1-run.jsonl", "1-run/0/model.keras")}


def test_the_clone_is_the_heads_working_tree(tmp_path: Path) -> None:
    head = tmp_path / "head"
    head.mkdir()
    (head / "code.py").write_text("1", encoding="utf-8")
    (head / "dvc.lock").write_text("old", encoding="utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for command in ("init --quiet", "add --all", "commit --quiet --message x"):
        subprocess.run([*git, *command.split()], cwd=head, check=True)
    bundle = subprocess.run([*git, "bundle", "create", "--quiet", "-", "HEAD"], cwd=head, capture_output=True)
    node._clone(bundle.stdout, {"dvc.lock": b"new"}, tmp_path / "clone")
    assert (tmp_path / "clone/code.py").read_text(encoding="utf-8") == "1"
    assert (tmp_path / "clone/dvc.lock").read_text(encoding="utf-8") == "new"


def test_a_node_that_reads_the_word_sees_the_heads_repository(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("word", encoding="utf-8")
    assert node._reads(tmp_path / "home") == "word"
    assert node._reads(tmp_path / "other") is None
