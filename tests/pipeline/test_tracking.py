import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.pipeline import spool, tracking
from src.pipeline.files import UserError
from tests.pipeline.stores import ROOT, environment


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_sender: None) -> Path:
    """The top of a repository, in which no process is started to send runs; the current folder."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def only_events() -> list[dict[str, Any]]:
    """The events of the only file in the spool."""
    (path,) = spool.pending()
    return spool.read_events(path, 0)[0]


def test_a_training_is_a_header_its_points_and_its_end() -> None:
    before = int(time.time() * 1000)
    params = {"learning_rate": 5e-05, "activation": "relu", "seed": 28}
    with tracking.training_run("cnn2", "cnn2-seed28", params, parent_id="7") as run:
        run.log_epoch(1, {"loss": 0.75, "val_loss": 1})
        run.log_metrics({"train_seconds": 1.5})
        run.set_tags({"certified": True})
    header, *events, end = only_events()
    assert {key: header[key] for key in ("own", "id", "name", "parent", "monitored")} == {
        "own": True,
        "id": run.id,
        "name": "cnn2-seed28",
        "parent": "7",
        "monitored": True,
    }
    assert header["params"] == {"learning_rate": "5e-05", "activation": "relu", "seed": "28"}
    assert header["tags"]["model"] == "cnn2"
    assert "git.commit" in header["tags"]
    assert (events[0]["step"], events[0]["values"]) == (1, {"epoch_loss": 0.75, "epoch_val_loss": 1})
    assert (events[1]["step"], events[1]["values"]) == (0, {"train_seconds": 1.5})
    assert events[2] == {"event": "tags", "tags": {"certified": "True"}}
    assert end["status"] == "FINISHED"
    assert before <= header["time"] <= events[0]["time"] <= end["time"] <= time.time() * 1000


def test_ids_are_our_own_and_a_resumed_run_keeps_its_id() -> None:
    with tracking.parent_run("a", {}) as parent, tracking.training_run("a", "a-seed1", {"seed": 1}) as run:
        pass
    with (
        tracking.parent_run("a", {}, parent.id) as again,
        tracking.training_run("a", "a-seed1", {"seed": 1}, run_id=run.id) as resumed,
    ):
        pass
    assert (again.id, resumed.id) == (parent.id, run.id)
    assert len({parent.id, run.id}) == 2
    assert all(len(run_id) == 32 for run_id in (parent.id, run.id))


def test_a_training_says_what_it_is_and_where_its_files_lie() -> None:
    with tracking.training_run("cnn2", "cnn2-seed27", {"seed": 27}):
        pass
    description = only_events()[0]["tags"]["mlflow.note.content"]  # which the user interface shows above the run
    for part in ("model `cnn2` from seed 27", "stage `train`", "`models/cnn2/27.keras`", "`epoch_...`"):
        assert part in description


@pytest.mark.parametrize("error", [ValueError, UserError, KeyboardInterrupt, SystemExit])
def test_a_run_that_fails_ends_as_failed_and_the_error_goes_on(error: type[BaseException]) -> None:
    with pytest.raises(error), tracking.new_run("report", {}, {}) as run:
        run.log_metrics({"loss": 0.5})
        raise error
    assert only_events()[-1]["status"] == "FAILED"


def test_scores_are_added_without_an_end_of_their_own() -> None:
    with tracking.resumed_run("cm1", "cm1-seed27", "7") as run:
        run.log_metrics({"test_accuracy": 0.9}, dataset="test")
    header, metrics = only_events()
    assert (run.id, header["id"], header["own"], header["name"]) == ("7", "7", False, "cm1-seed27")
    assert (metrics["values"], metrics["dataset"]) == ({"test_accuracy": 0.9}, "test")


def test_a_dataset_is_named_by_what_is_in_it() -> None:
    x, y = np.zeros((3, 28, 28), np.uint8), np.array([0, 1, 1])
    with tracking.new_run("a", {}, {}) as run:
        run.log_dataset("val", "validation", x, y)
        run.log_dataset("val", "validation", x, y[::-1])
        run.log_dataset("val", "validation", x[:, :, ::-1], y)
    first, other, same = (event["dataset"] for event in only_events()[1:-1])
    assert first["digest"] == same["digest"] != other["digest"]
    assert (first["name"], first["source_type"], json.loads(first["source"])) == (
        "val",
        "local",
        {"uri": "data/val.npz"},
    )
    assert json.loads(first["profile"]) == {"images": 3, "labels": 2, "images_of_each_label": [1, 2]}
    assert json.loads(json.loads(first["schema"])["mlflow_tensorspec"]["features"]) == [
        {"type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": [-1, 28, 28]}}
    ]


def test_an_artifact_and_a_model_are_kept_as_they_were(here: Path) -> None:
    (here / "27.keras").write_bytes(b"weights")
    with tracking.new_run("a", {}, {}) as run:
        run.log_artifact("27.keras")
        run.log_model("27.keras", shape=(28, 28), classes=5, backend="tensorflow")
    (here / "27.keras").unlink()
    artifact, model = only_events()[1:-1]
    (path,) = spool.pending()
    assert {(spool.attachments(path) / event["file"]).read_bytes() for event in (artifact, model)} == {b"weights"}
    assert (model["shape"], model["classes"], model["backend"]) == ([28, 28], 5, "tensorflow")
    assert set(model["versions"]) == {"keras", "tensorflow"}


def test_a_stage_imports_nothing_of_mlflow() -> None:
    code = "import sys; from src.pipeline import tracking; print('mlflow' in sys.modules, 'sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


class Process:
    """A sender that runs for so many looks at it."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def poll(self) -> int | None:
        self.looks -= 1
        return None if self.looks >= 0 else 0


@pytest.mark.parametrize("looks", [0, 10**9])
def test_the_end_of_a_stage_waits_a_second_at_most_and_tells_what_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], looks: int
) -> None:
    with tracking.new_run("report", {}, {}):
        pass
    started = []
    monkeypatch.setattr(tracking, "_senders", [Process(looks)])
    monkeypatch.setattr(tracking, "start_sender", lambda: started.append(1))
    start = time.monotonic()
    tracking.settle()
    assert time.monotonic() - start < (1.2 if looks else 0.1)
    assert started  # which does nothing where one runs
    assert capfd.readouterr().err == ""
    spool.set_trouble("The store is away.")
    tracking.settle()
    told = capfd.readouterr().err
    assert told == "The store is away. The runs wait in .spool; the next stage sends them, or `python -m src sync`.\n"


def test_where_all_is_sent_nothing_is_waited_for_or_told(capfd: pytest.CaptureFixture[str], here: Path) -> None:
    with tracking.new_run("report", {}, {}):
        pass
    for path in spool.pending():
        spool.remove(path)
    spool.set_trouble("Of another stage.")
    start = time.monotonic()
    tracking.settle()
    assert time.monotonic() - start < 0.1
    assert capfd.readouterr().err == ""


def test_the_sender_runs_the_main_checkout_apart_from_the_stage(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(tracking, "_senders", [])
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.setenv("DVC_STAGE", "train@cm1")  # by which the runner ends a stage with DVC
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: calls.append(options | {"command": command}))
    tracking.start_sender()
    (here / "src" / "commands").mkdir(parents=True)
    monkeypatch.setattr(tracking, "_senders", [])
    tracking.start_sender()
    assert [call["cwd"] for call in calls] == [ROOT, here]
    assert calls[0]["command"][1:] == ["-m", "src", "sync", "--follow"]
    assert calls[0]["start_new_session"]
    assert calls[0]["env"].items() >= {"DVC_ROOT": str(here)}.items()
    assert "DVC_STAGE" not in calls[0]["env"]
    assert {calls[0][stream] for stream in ("stdin", "stdout", "stderr")} == {subprocess.DEVNULL}


def test_a_process_that_cannot_be_started_is_told_at_the_end(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.undo()
    monkeypatch.setattr(tracking, "_senders", [])
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.setattr(subprocess, "Popen", refuse)
    spool.spool_folder().mkdir()
    tracking.start_sender()
    assert "Resource temporarily unavailable" in spool.trouble()
