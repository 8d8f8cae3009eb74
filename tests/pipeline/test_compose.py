"""compose.yaml: its form, and each service started by hand as far as that goes without a container engine."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from src.__main__ import COMMANDS
from src.params import STAGES
from src.pipeline.sender import send_by_hand
from tests import needs
from tests.pipeline.conftest import free_port, running_server
from tests.pipeline.stores import ROOT, check_training, write_training

TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]


def test_the_file_is_what_dockers_schema_asks_for() -> None:
    needs.module("compose_pydantic").ComposeSpecification.model_validate(yaml.safe_load(TEXT))


def test_what_is_named_exists() -> None:
    targets = re.findall(r"^FROM \S+ AS (\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    volumes = yaml.safe_load(TEXT)["volumes"]
    for service in SERVICES.values():
        assert service.get("build", {"target": "cpu"})["target"] in targets
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert all(mount.split(":")[0] in {".", *volumes} for mount in service["volumes"])
    for name in re.findall(r"python,? -m,? src,? (\w+)", TEXT):
        assert name in {*STAGES, *COMMANDS}


def test_no_password_has_a_default_and_ports_are_this_machines_alone() -> None:
    assert set(re.findall(r"\$\{(\w*PASSWORD\w*)(:?.)", TEXT)) == {("POSTGRES_PASSWORD", ":?")}
    assert "PASSWORD: " not in re.sub(r"PASSWORD: \$\{", "", TEXT)
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.fixture(scope="module")
def service(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the service `mlflow`: its own command and environment, on a PostgreSQL of the tests."""
    folder, port, mlflow = tmp_path_factory.mktemp("compose"), free_port(), SERVICES["mlflow"]
    places = {"0.0.0.0": "127.0.0.1", "=5000": f"={port}", "/artifacts": str(folder / "artifacts"), ":5000": f":{port}"}
    command = [re.sub("|".join(places), lambda match: places[match[0]], part) for part in mlflow["command"]]
    uri = re.sub(
        r"^postgresql://mlflow:\$\{.*\}@postgres:5432/mlflow$",
        f"{postgres}/template1",
        mlflow["environment"]["MLFLOW_BACKEND_STORE_URI"],
    )
    assert uri.startswith(postgres)
    variables = mlflow["environment"] | {"MLFLOW_BACKEND_STORE_URI": uri}
    with running_server(command, folder, port, **variables):
        yield port


def test_a_training_arrives_through_the_server_and_its_files_too(
    service: int, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{service}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    run_id = write_training()
    assert send_by_hand() == "Sent cm1-seed27."
    run = check_training(address, run_id)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    assert not (top / "mlartifacts").exists()


@pytest.mark.parametrize(("host", "status"), [("mlflow:5000", 200), ("localhost:1", 200), ("evil.example", 403)])
def test_the_server_answers_those_who_call_it_by_its_name(service: int, host: str, status: int) -> None:
    host = host.replace("5000", str(service))
    request = Request(
        f"http://127.0.0.1:{service}/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": host}
    )
    try:
        with urlopen(request, timeout=10) as answer:
            assert answer.status == status
    except HTTPError as error:
        error.close()
        assert error.code == status


def test_the_health_checks_of_the_services_run(service: int) -> None:
    program, *arguments = (
        part.replace(":5000", f":{service}") for part in SERVICES["mlflow"]["healthcheck"]["test"][1:]
    )
    assert program == "python"
    assert subprocess.run([sys.executable, *arguments], check=False).returncode == 0
