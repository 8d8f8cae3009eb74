"""Real stores: an empty SQLite database, a tracking server over HTTP, and a proxy before it."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.needs import lacking
from tests.pipeline.proxy import Proxy
from tests.pipeline.stores import environment

PASSWORD = "SECRET/with@signs"

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")


@pytest.fixture
def top(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch, no_sender: None) -> Path:
    """The top of a repository with an empty store, and the current folder; no process is started to send runs."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return tmp_path


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def running_server(command: list[str], folder: Path, port: int, **variables: str) -> Iterator[None]:
    """MLflow's server of a command of `python -m`, from when it answers at the port to the end of the block."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment(**variables),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 300
        while not healthy(port):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_bytes()
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="session")
def server(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real tracking server, which all tests share."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    shutil.copy(empty_store, folder / "mlflow.db")
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    command = ["mlflow", "server", *store, "--port", str(port), "--workers", "1"]
    with running_server(command, folder, port, MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"):
        yield port


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL of its own, with a user and a password, as `postgresql://user:password@host`."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or not importlib.util.find_spec("psycopg"):
        lacking("needs PostgreSQL (on Debian, apt-get install postgresql) and psycopg")
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    unprivileged: list[str] = []
    if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
        unprivileged = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")

    def control(program: str, *arguments: str) -> None:
        command = [*unprivileged, str(programs[-1] / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        control("initdb", "-U", "bob", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8")
        control("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
        yield f"postgresql://bob:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        control("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def proxy(server: int, top: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the server, which is the store of this repository."""
    proxy = Proxy(server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.address)
    yield proxy
    proxy.close()
