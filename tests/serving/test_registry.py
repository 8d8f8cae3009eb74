import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from mlflow import MlflowClient

from src.pipeline import store
from src.pipeline.files import UserError
from src.serving import registry
from src.serving.app import load_model
from src.serving.folder import EVIDENCE as EVIDENCE_FILE
from src.serving.promotion import Decision, Evidence, decide
from src.serving.registry import Outcome, promotion_lock, read_evidence, register_folder, use_store
from src.serving.server import bind
from tests.serving.example import EVIDENCE, ROOT, images, server

NAME = "small"
RULE = partial(decide, confidence=0.95, margin=0.005)


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


@pytest.fixture
def client(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    yield MlflowClient(uri)
    mlflow.set_tracking_uri("")


def evidence(weights: str, wrong: int, **changes: Any) -> Evidence:
    own = {"weights_sha256": weights, "wrong": list(range(wrong)), "n_images": 1000}
    return Evidence(**EVIDENCE | own | changes)  # type: ignore[typeddict-item]


def register(folder: Path, challenger: Evidence) -> Outcome:
    """Register the folder as if it had this evidence."""
    (folder / EVIDENCE_FILE).write_text(json.dumps(challenger), encoding="utf-8")
    return register_folder(folder, NAME, challenger, {"dvc.exp": "try"}, partial(RULE, challenger))


def aliases(client: MlflowClient) -> dict[str, str]:
    return {alias: str(version) for alias, version in client.get_registered_model(NAME).aliases.items()}


def test_the_alias_moves_to_what_is_better_and_stays_otherwise(client: MlflowClient, folder: Path) -> None:
    first = register(folder, evidence("a", 50))
    assert (first.version, first.decision.alias, first.champion_version) == ("1", "champion", None)
    assert aliases(client) == {"champion": "1"}

    same = register(folder, evidence("a", 50))
    assert (same.version, same.decision.alias) == ("1", None)
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 1

    worse = register(folder, evidence("b", 90))
    assert (worse.version, worse.decision.alias, worse.champion_version) == ("2", "challenger", "1")
    assert worse.champion is not None
    assert worse.champion["weights_sha256"] == "a"
    assert aliases(client) == {"champion": "1", "challenger": "2"}

    better = register(folder, evidence("c", 20))
    assert (better.version, better.decision.alias) == ("3", "champion")
    assert aliases(client) == {"champion": "3", "challenger": "2"}

    again = register(folder, evidence("b", 90))  # a known folder: no new version
    assert (again.version, again.decision.alias) == ("2", "challenger")

    other_images = register(folder, evidence("d", 0, images_sha256="other"))
    assert (other_images.version, other_images.decision.alias) == ("4", "challenger")
    assert aliases(client) == {"champion": "3", "challenger": "4"}


def test_the_champions_network_with_other_labels_takes_its_place(client: MlflowClient, folder: Path) -> None:
    register(folder, evidence("a", 50))
    labels = folder / "artifacts/classifier/labels.json"
    labels.write_text(labels.read_text(encoding="utf-8").replace("Bag", "Sack"), encoding="utf-8")
    outcome = register(folder, evidence("a", 50))
    assert (outcome.version, outcome.decision.alias, outcome.champion_version) == ("2", "champion", "1")
    assert aliases(client) == {"champion": "2"}
    again = register(folder, evidence("a", 50))
    assert (again.version, again.decision.alias) == ("2", None)


def test_a_version_is_a_copy_that_can_be_loaded_by_its_alias(client: MlflowClient, folder: Path) -> None:
    reason = register(folder, evidence("a", 50)).decision.reason
    version = client.get_model_version_by_alias(NAME, "champion")
    assert str(version.description).endswith(f"of 1,000 validation images. When registered: {reason}")
    assert str(version.source).startswith("models:/m-")
    assert version.tags["weights_sha256"] == "a"
    assert version.tags["dvc.exp"] == "try"
    place = mlflow.artifacts.download_artifacts(f"models:/{NAME}@champion", tracking_uri=client.tracking_uri)
    for path in folder.rglob("*"):
        if path.is_file():
            assert Path(place, path.relative_to(folder)).read_bytes() == path.read_bytes()
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    assert model.metadata.get_input_schema().is_tensor_spec()


def test_a_champion_without_evidence_is_not_replaced(client: MlflowClient, folder: Path, tmp_path: Path) -> None:
    client.create_registered_model(NAME)
    (tmp_path / "foreign").mkdir()
    client.create_model_version(NAME, (tmp_path / "foreign").as_uri())
    client.set_registered_model_alias(NAME, "champion", "1")
    outcome = register(folder, evidence("a", 0))
    assert outcome.decision.alias == "challenger"
    assert "by hand" in outcome.decision.reason
    assert aliases(client) == {"champion": "1", "challenger": "2"}


@pytest.mark.parametrize("content", [b"no JSON", b"\xff", b"[]", b'{"model": "small"}'])
@pytest.mark.usefixtures("client")
def test_evidence_that_is_none_counts_for_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign" / EVIDENCE_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    client, _ = use_store()
    client.create_registered_model(NAME)
    client.create_model_version(NAME, (tmp_path / "foreign").as_uri())
    assert read_evidence(client, NAME, "1") is None
    path.write_text(json.dumps(EVIDENCE), encoding="utf-8")
    assert read_evidence(client, NAME, "1") == EVIDENCE


def test_a_champion_that_cannot_be_reached_is_told_and_nothing_is_registered(
    client: MlflowClient, folder: Path
) -> None:
    with bind("127.0.0.1", 0) as place:  # free again, and so nobody's
        port = place.getsockname()[1]
    client.create_registered_model(NAME)
    client.create_model_version(NAME, f"http://127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/x")
    client.set_registered_model_alias(NAME, "champion", "1")
    with pytest.raises(UserError, match="Connection refused"):
        register(folder, evidence("a", 0))
    assert aliases(client) == {"champion": "1"}
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 1


def test_an_alias_that_another_machine_moved_meanwhile_is_told(
    client: MlflowClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(folder, evidence("a", 50))
    known = registry.known_aliases
    answers = [known, lambda *_: {"champion": "1"}]
    monkeypatch.setattr(registry, "known_aliases", lambda *arguments: answers.pop(0)(*arguments))
    outcome = register(folder, evidence("b", 0))
    assert "Another registration moved the alias champion to version 1 meanwhile" in outcome.decision.reason


CHALLENGE = """
import sys
from functools import partial
from pathlib import Path
from src.serving.promotion import decide
from src.serving.registry import register_folder
from tests.serving.test_registry import NAME, RULE, evidence, register
for number in (1, 2):
    register(Path(sys.argv[1]), evidence(f"{sys.argv[2]}-{number}", int(sys.argv[2]) * 100 + number * 50))
"""


def test_processes_that_register_at_once_leave_a_whole_registry(
    client: MlflowClient, folder: Path, tmp_path: Path
) -> None:
    copies = [shutil.copytree(folder, tmp_path / f"model{number}") for number in range(2)]
    command = [sys.executable, "-W", "ignore", "-c", CHALLENGE]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([*command, str(copy), str(number)], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
        for number, copy in enumerate(copies)
    ]
    ends = [process.communicate()[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0], ends
    versions = client.search_model_versions(f"name = '{NAME}'")
    assert sorted(int(version.version) for version in versions) == [1, 2, 3, 4]
    assert len({version.tags["weights_sha256"] for version in versions}) == 4
    champion = client.get_model_version_by_alias(NAME, "champion")
    assert champion.tags["weights_sha256"] == "0-1"  # the fewest mistakes, whatever the order was


def test_mlflows_own_server_serves_the_champion(client: MlflowClient, folder: Path, tmp_path: Path) -> None:
    """`mlflow models serve` in another folder, without this repository on the path."""
    register(folder, evidence("a", 0))
    with bind("127.0.0.1", 0) as place:
        port = place.getsockname()[1]
    options = ("-m", f"models:/{NAME}@champion", "--env-manager", "local", "--port", str(port))
    ready, store = "Application startup", {"MLFLOW_TRACKING_URI": client.tracking_uri}
    with server("mlflow", "models", "serve", *options, cwd=tmp_path, ready=ready, **store):
        batch = images(3)
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json={"inputs": batch.tolist()}, timeout=60)
    expected = load_model(str(folder)).predict(batch)
    assert [row["label"] for row in answer.json()["predictions"]] == [row["label"] for row in expected]


def test_a_store_that_hangs_is_told_in_seconds(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(UserError, match="timed out"):
            register_folder(folder, NAME, EVIDENCE, {}, lambda *_: Decision(None, ""))
        assert time.monotonic() - start < 10  # MLflow itself tries for minutes


def test_a_second_registration_waits_for_the_first_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with promotion_lock("test of this lock"):
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with promotion_lock("test of this lock"):
        order.append("second")
        monkeypatch.setattr(store, "LOCK_SECONDS", 0.3)
        with (
            pytest.raises(UserError, match=r"must end first\. It holds /.*/registration-.*\.lock"),
            promotion_lock("test of this lock"),
        ):
            pass
        with promotion_lock("another store"):
            pass
    thread.join()
    assert order == ["first", "second"]
