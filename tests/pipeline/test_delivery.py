import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.utils import validation

from src.pipeline import spool, tracking
from src.pipeline.delivery import RUN_ID, Delivery, find_run
from src.pipeline.files import UserError
from src.pipeline.sender import Sender
from src.pipeline.store import connect
from tests.pipeline.proxy import Proxy
from tests.pipeline.stores import ROOT, check_training, environment, runs, runs_of, write_training


def store(top: Path) -> str:
    return f"sqlite:///{top}/mlflow.db"


def test_a_training_arrives_whole_and_the_spool_is_empty(top: Path) -> None:
    run_id = write_training()
    Sender().send_all()
    check_training(store(top), run_id)
    assert list(spool.spool_folder().iterdir()) == []


def test_a_training_arrives_whole_over_http(proxy: Proxy) -> None:
    run_id = write_training()
    Sender().send_all()
    run = check_training(proxy.address, run_id)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")  # the server's, no folder of this machine


def test_a_request_that_is_cut_loses_and_doubles_nothing_whichever_it_is(proxy: Proxy) -> None:
    for _ in range(2):  # the first makes the experiment as well
        write_training()
        proxy.count = 0
        Sender().send_all()
    total = proxy.count
    assert total > 8
    for number in range(1, total + 1):
        for when in ("before", "after") if number == 1 else ("after",):
            run_id = write_training()
            proxy.count, proxy.cut = 0, (when, number)
            send_until_empty()
            assert proxy.count > number  # it was reached, and was not the last
            proxy.cut = None
            check_training(proxy.address, run_id)


def test_a_run_that_stands_for_another_is_whole_whichever_request_is_cut(proxy: Proxy) -> None:
    number, total = 0, 1
    while number <= total:
        proxy.count, proxy.cut = 0, ("after", number) if number else None  # the first counts the requests
        with tracking.resumed_run("cm1", "cm1-seed27", f"{number:032}") as run:
            run.log_metrics({"test_accuracy": 0.9})
        send_until_empty()
        total, proxy.cut = total if number else proxy.count, None
        (logged,) = runs_of(proxy.address, run.id)
        assert (logged.info.status, logged.data.metrics) == ("FINISHED", {"test_accuracy": 0.9})
        number += 1
    assert number > 3


def test_a_sender_that_is_killed_loses_and_doubles_nothing_at_whichever_step(empty_store: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.pipeline.killed_senders", str(tmp_path), str(empty_store)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    statuses = json.loads(done.stdout.splitlines()[-1])
    assert statuses["whole"] == 0
    assert len(statuses["killed"]) > 15
    assert statuses["killed"] == [[-signal.SIGKILL, 0]] * len(statuses["killed"]), done.stderr


def send_until_empty() -> None:
    """Send in five attempts at most, as a sender does that starts anew each time."""
    for _ in range(5):
        with contextlib.suppress(UserError):
            Sender().send_all()
        if not spool.pending():
            return
    pytest.fail("five attempts did not do")


def test_sending_twice_changes_nothing(top: Path) -> None:
    run_id = write_training()
    (path,) = spool.pending()
    lines = path.read_bytes()
    kept = {file.name: file.read_bytes() for file in spool.attachments(path).rglob("*") if file.is_file()}
    Sender().send_all()
    before = check_training(store(top), run_id)
    path.write_bytes(lines)
    for number, name in enumerate(("weights.keras", "notes.txt")):
        (spool.attachments(path) / str(number)).mkdir(parents=True)
        (spool.attachments(path) / str(number) / name).write_bytes(kept[name])
    Sender().send_all()
    after = check_training(store(top), run_id)
    assert (after.info.run_id, after.info.end_time) == (before.info.run_id, before.info.end_time)


def test_a_run_that_is_written_is_running_and_is_followed(top: Path) -> None:
    sender = Sender()
    with tracking.training_run("cm1", "cm1-seed27", {"seed": 27}) as run:
        for epoch in (1, 2):
            run.log_epoch(epoch, {"loss": 1 / epoch})
            sender.send_all()
            (logged,) = runs_of(store(top), run.id)
            assert (logged.info.status, logged.data.metrics["epoch_loss"]) == ("RUNNING", 1 / epoch)
        assert spool.pending()
    sender.send_all()
    (logged,) = runs_of(store(top), run.id)
    assert (logged.info.status, spool.pending()) == ("FINISHED", [])


def test_a_resumed_training_goes_on_in_its_run_and_repeats_no_point(top: Path) -> None:
    with pytest.raises(KeyboardInterrupt), tracking.training_run("cm1", "cm1-seed27", {"seed": 27}) as run:
        run.log_epoch(1, {"loss": 0.5})
        raise KeyboardInterrupt
    Sender().send_all()
    (failed,) = runs_of(store(top), run.id)
    assert failed.info.status == "FAILED"
    with tracking.training_run("cm1", "cm1-seed27", {"seed": 27}, run_id=run.id) as again:
        assert again.id == run.id
        Sender().send_all()
        assert runs_of(store(top), run.id)[0].info.status == "RUNNING"
        again.log_epoch(1, {"loss": 0.5})  # it cannot know whether the point was logged before the interruption
        again.log_epoch(2, {"loss": 0.25})
    Sender().send_all()
    (logged,) = runs_of(store(top), run.id)
    assert (logged.info.status, logged.info.run_id) == ("FINISHED", failed.info.run_id)
    assert logged.info.end_time > failed.info.end_time
    curve = MlflowClient(store(top)).get_metric_history(logged.info.run_id, "epoch_loss")
    assert sorted((point.step, point.value) for point in curve) == [(1, 0.5), (2, 0.25)]


def test_a_parameter_that_changed_before_a_run_went_on_is_told_beside_its_first_value(top: Path) -> None:
    with tracking.parent_run("cm1", {"replicas": 2}) as parent:
        pass
    with tracking.parent_run("cm1", {"replicas": 3, "epochs": 1}, parent.id):
        pass
    Sender().send_all()
    (run,) = runs_of(store(top), parent.id)
    assert run.data.params == {"replicas": "2", "epochs": "1"}
    assert run.data.tags["resumed.replicas"] == "3"
    assert not spool.pending()


def test_labels_may_have_any_name_and_each_keeps_its_own_number(top: Path) -> None:
    labels = ["50% Größe", "c#", "c+", "a//b", "a/", "/a", "", ".", "..", "a/..b", "x" * 300 + "1", "x" * 300 + "2"]
    with tracking.new_run("report", {}, {}) as run:
        run.log_metrics({f"precision/{label}": number for number, label in enumerate(labels)})
        run.set_tags({f"decoded.label_{label}": number for number, label in enumerate(labels)})
    Sender().send_all()
    (logged,) = runs_of(store(top), run.id)
    assert sorted(logged.data.metrics.values()) == list(range(len(labels)))
    names = {number: name.removeprefix("precision/") for name, number in logged.data.metrics.items()}
    assert [names[number] for number in range(10)] == [
        *("50_25_ Größe", "c_23_", "c_2b_", "a/__/b", "a/__", "__/a", "__", "_._", "_.._", "a/_..b_")
    ]
    decoded = {value for name, value in logged.data.tags.items() if name.startswith("decoded.label_")}
    assert decoded == {str(number) for number in range(len(labels))}


def test_what_is_longer_than_mlflow_keeps_is_cut_and_arrives(top: Path) -> None:
    Path("weights.keras").write_bytes(b"weights")
    for filling in "ab":
        params = {"k" * 300: filling * 9000, "seed": 27}
        with tracking.training_run("cm1", "cm1-seed27", params, run_id="7" * 32) as run:
            run.set_tags({"long": "x" * 9000, "k" * 300: "y"})
            run.log_model("weights.keras", shape=(28, 28), classes=2, backend="tensorflow")
    Sender().send_all()
    assert not spool.pending()
    (logged,) = runs_of(store(top), run.id)
    (key,) = set(logged.data.params) - {"seed"}
    assert key.startswith("k" * 200)
    assert logged.data.params[key] == "a" * (tracking.MAX_PARAM - 3) + "..."
    assert logged.data.tags[f"resumed.{key}"] == "b" * (tracking.MAX_PARAM - 3) + "..."
    assert (logged.data.tags["long"], logged.data.tags[key]) == ("x" * (tracking.MAX_TAG - 3) + "...", "y")


def test_the_limits_are_mlflows() -> None:
    assert len("resumed.") + tracking.MAX_KEY <= validation.MAX_ENTITY_KEY_LENGTH
    assert tracking.MAX_PARAM <= validation.MAX_PARAM_VAL_LENGTH
    assert tracking.MAX_TAG <= validation.MAX_TAG_VAL_LENGTH


def test_seeds_stand_under_their_parent(top: Path) -> None:
    with tracking.parent_run("cm1", {"epochs": 3}) as parent:
        child = write_training(parent_id=parent.id)
    Sender().send_all()
    (above,), (below,) = runs_of(store(top), parent.id), runs_of(store(top), child)
    assert below.data.tags["mlflow.parentRunId"] == above.info.run_id
    assert (above.info.run_name, above.info.status, above.data.params) == ("cm1", "FINISHED", {"epochs": "3"})


def test_scores_are_added_to_the_run_whose_times_and_status_stay(top: Path) -> None:
    run_id = write_training()
    Sender().send_all()
    (before,) = runs_of(store(top), run_id)
    with tracking.resumed_run("cm1", "cm1-seed27", run_id) as run:
        run.log_metrics({"test_accuracy": 0.9})
    Sender().send_all()
    (after,) = runs_of(store(top), run_id)
    assert after.data.metrics == before.data.metrics | {"test_accuracy": 0.9}
    assert (after.info.start_time, after.info.end_time, after.info.status) == (
        before.info.start_time,
        before.info.end_time,
        "FINISHED",
    )


def test_where_the_store_lacks_the_run_one_other_stands_for_it(top: Path) -> None:
    for metric in ("test_accuracy", "test_seconds"):
        with tracking.resumed_run("cm1", "cm1-seed27", "0" * 32) as run:
            run.log_metrics({metric: 1})
    Sender().send_all()
    (logged,) = runs(store(top))
    assert (logged.info.run_name, logged.info.status) == ("cm1-seed27", "FINISHED")
    assert logged.data.tags.items() >= {"model": "cm1", RUN_ID: "0" * 32}.items()
    assert logged.info.end_time
    assert "this store lacks" in logged.data.tags[tracking.DESCRIPTION]
    assert logged.data.metrics == {"test_accuracy": 1, "test_seconds": 1}


def test_a_double_of_a_run_is_deleted_the_oldest_stays(top: Path) -> None:
    client, experiment = connect()
    ids = [client.create_run(experiment, start_time=time, tags={RUN_ID: "7"}).info.run_id for time in (5, 3, 9)]
    run = find_run(client, experiment, "7")
    assert run
    assert run.info.run_id == ids[1]
    assert [run.info.run_id for run in client.search_runs([experiment])] == [ids[1]]


def test_more_than_one_request_may_hold_arrives(top: Path) -> None:
    params = {f"p{number}": number for number in range(110)}  # MLflow takes 100, and 1,000 metrics
    with tracking.new_run("many", {f"t{number}": "x" for number in range(110)}, params) as run:
        run.log_metrics({f"m{number}": number for number in range(1010)})
    Sender().send_all()
    (logged,) = runs_of(store(top), run.id)
    assert (len(logged.data.params), len(logged.data.metrics)) == (110, 1010)


def test_what_the_store_took_and_does_not_show_keeps_the_file(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_training()
    client, experiment = connect()
    (path,) = spool.pending()
    monkeypatch.setattr(MlflowClient, "log_batch", lambda *a, **k: None)
    with pytest.raises(UserError, match="took the run cm1-seed27 but lacks"):
        Delivery(client, experiment, path).send(writing=False)
    assert spool.pending() == [path]
