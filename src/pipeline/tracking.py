"""MLflow, and the only file that imports it: a run for each training and each report, in one store at the top."""

import fcntl
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.pipeline.files import UserError, repository_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "mystery-fashion"


def connect() -> tuple["MlflowClient", str]:
    """A client of the store and the experiment's id. Raises UserError where the store cannot be used."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # a dead server is told in seconds, not in minutes
    from mlflow import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if relative := re.fullmatch(r"sqlite:///([^/].*)", uri):  # anchored, or a temporary copy's runs are deleted with it
        uri = f"sqlite:///{repository_root() / relative[1]}"
    with _refusals_told(uri), _alone(uri):
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment:
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            return client, experiment.experiment_id
        place = (
            (repository_root() / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
        )  # else below the current folder
        return client, client.create_experiment(EXPERIMENT, artifact_location=place)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Keep other processes from a database file meanwhile: two first connections at once would break it.

    Raises UserError where it cannot be written, which MLflow itself would try for 100 seconds.
    """
    database = re.fullmatch(r"sqlite:///(/.*)", uri)
    if not database:
        yield
        return
    file = Path(database[1])
    try:
        with file.open("ab"):  # an empty file is an empty database
            pass
        with file.open("rb") as content:
            if content.read(16) not in (b"", b"SQLite format 3\0"):
                raise UserError(f"MLflow's store must be an SQLite database. {file} is something else.")
        lock = file.with_name(f"{file.name}.lock").open("w")
    except OSError as error:
        advice = "set MLFLOW_TRACKING_URI to one that is"
        raise UserError(f"MLflow's store {file} must be writable. {error.strerror}; {advice}.") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _refusals_told(uri: str) -> Iterator[None]:
    """What MLflow refuses, such as a full disk or a dead server, as a UserError."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        lines = [line for line in str(error).splitlines() if not line.startswith("(raised")]
        raise UserError(f"MLflow's store {uri} must take the run. It said: {lines[0] if lines else error}") from None


class Run:
    """An MLflow run."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.client, self.id = client, run_id

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log numbers."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(self.id, [Metric(name, float(value), now, step) for name, value in metrics.items()])

    def log_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Log a training's loss and accuracy after an epoch, as a point of the curves `epoch_...`."""
        self.log_metrics({f"epoch_{name}": value for name, value in logs.items()}, step=epoch)

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags."""
        for name, value in tags.items():
            self.client.set_tag(self.id, name, str(value))

    def log_artifact(self, path: str) -> None:
        """Keep a copy of a file with the run."""
        self.client.log_artifact(self.id, path)


def training_run(model: str, name: str, params: dict[str, Any]) -> AbstractContextManager[Run]:
    """A new run of that name for a training of a model with these params; as `new_run`."""
    return new_run(name, {"model": model}, params)


@contextmanager
def new_run(name: str, tags: dict[str, str], params: dict[str, Any]) -> Iterator[Run]:
    """A new run, FINISHED when the block ends well and FAILED when it does not. Raises UserError."""
    from mlflow.entities import Param

    client, experiment = connect()
    with _refusals_told(client.tracking_uri):
        run = Run(client, client.create_run(experiment, run_name=name, tags=tags | _origin()).info.run_id)
        try:
            client.log_batch(run.id, params=[Param(key, str(value)) for key, value in params.items()])
            yield run
        except BaseException:
            client.set_terminated(run.id, "FAILED")
            raise
        client.set_terminated(run.id, "FINISHED")


@contextmanager
def resumed_run(model: str, name: str, run_id: str) -> Iterator[Run]:
    """The run of a trained model once more, its end time kept; FAILED when the block fails. Raises UserError.

    Where the store does not have that run (a restored model, a new store), one run stands for it, tagged `trained_in`.
    """
    client, experiment = connect()
    with _refusals_told(client.tracking_uri):
        same = f"attributes.run_id = '{run_id}'", f"tags.trained_in = '{run_id}'"
        found = [run for condition in same for run in client.search_runs([experiment], condition, max_results=1)]
        if found:
            run = Run(client, found[0].info.run_id)
        else:
            tags = _origin() | {"model": model, "trained_in": run_id, "note": "the training run is not in this store"}
            run = Run(client, client.create_run(experiment, run_name=name, tags=tags).info.run_id)
            client.set_terminated(run.id)
        try:
            yield run
        except BaseException:
            client.update_run(run.id, status="FAILED")
            raise
        client.update_run(run.id, status="FINISHED")


def _origin() -> dict[str, str]:
    """Tags that lead back from a run to DVC and git; MLflow shows the source and its commit in a column."""
    stage, (commit, dirty) = os.environ.get("DVC_STAGE", "none"), source()
    return {
        "dvc_stage": stage,
        "dvc_exp": os.environ.get("DVC_EXP_NAME", "workspace"),
        "git_commit": commit,
        "git_dirty": str(dirty).lower(),
        "mlflow.source.name": stage,
        "mlflow.source.git.commit": commit,
    }


def source() -> tuple[str, bool]:
    """The commit that runs, `none` without git, and whether a tracked file that no stage writes differs from it."""
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD") or "none"
    results = (":!metrics", ":!dvc.lock")
    return commit, bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", *results))


def _git(*arguments: str) -> str:
    """What git prints, or nothing where there is no git or no repository."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
