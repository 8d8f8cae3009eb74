import subprocess
import sys
from pathlib import Path

from mlflow import MlflowClient

from src.pipeline import spool
from tests.pipeline.stores import environment

WRITE = """
from src.pipeline import tracking
tracking.start_sender = lambda: None
with tracking.new_run("report", {}, {}):
    pass
"""


def python(top: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=Path(__file__).parents[2],
        env=environment(DVC_ROOT=str(top), MLFLOW_HTTP_REQUEST_TIMEOUT="1", **variables),
        capture_output=True,
        text=True,
    )


def test_runs_are_kept_in_one_line_while_the_store_is_away_and_sent_when_it_is_back(tmp_path: Path) -> None:
    python(tmp_path, "-c", WRITE).check_returncode()
    away = python(tmp_path, "-m", "src", "sync", MLFLOW_TRACKING_URI="http://bob:SECRET@127.0.0.1:9")
    assert away.returncode == 1
    assert away.stderr.startswith("sync: The MLflow store http://***@127.0.0.1:9 could not record the run: ")
    assert away.stderr.count("\n") == 1
    assert "SECRET" not in away.stderr + away.stdout
    assert len(list((tmp_path / ".spool").glob("*.jsonl"))) == 1
    for told in ("sync: Sent report.\n", "sync: Nothing was left to send.\n"):
        sent = python(tmp_path, "-m", "src", "sync")
        assert (sent.returncode, sent.stdout) == (0, told)
    (run,) = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["1"])
    assert (run.info.run_name, run.info.status) == ("report", "FINISHED")


def test_following_is_silent_and_fails_nobody(tmp_path: Path) -> None:
    python(tmp_path, "-c", WRITE).check_returncode()
    away = python(tmp_path, "-m", "src", "sync", "--follow", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert (away.returncode, away.stdout) == (0, "")
    assert "could not record the run" in (tmp_path / ".spool" / spool.TROUBLE).read_text(encoding="utf-8")
