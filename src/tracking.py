"""MLflow, and the only file that imports it: one run per trained model, in one store at the top of the repository."""

import fcntl
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.stage import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "mystery-fashion"


def root() -> Path:
    """The repository's top: DVC names the main checkout even to a stage that runs in a temporary copy of it."""
    here = re.split(r"/\.dvc/tmp/exps/", str(Path(__file__).resolve().parents[1]))[0]
    return Path(os.environ.get("DVC_ROOT") or here)


def connect() -> tuple["MlflowClient", str]:
    """A client of the store and the experiment's id. Raises UserError where the store cannot be written."""
    from mlflow import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if relative := re.fullmatch(r"sqlite:///([^/].*)", uri):  # anchored, or a temporary copy's runs are deleted with it
        uri = f"sqlite:///{root() / relative[1]}"
    if database := re.fullmatch(r"sqlite:///(/.*)", uri):
        file = Path(database[1])
        if not os.access(file if file.exists() else file.parent, os.W_OK):  # MLflow itself would try for 100 seconds
            raise UserError(
                f"MLflow's store {file} must be writable. It is not; set MLFLOW_TRACKING_URI to one that is."
            )
    with (root() / "mlflow.db.lock").open("w") as lock:  # two first connections at once break the database
        fcntl.flock(lock, fcntl.LOCK_EX)
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment:
            return client, experiment.experiment_id
        place = (
            (root() / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
        )  # else below the current folder
        return client, client.create_experiment(EXPERIMENT, artifact_location=place)


class Run:
    """One model's MLflow run."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.client, self.id = client, run_id

    def metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        """Log numbers; the rest of a report, such as text, is passed over."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
        self.client.log_batch(self.id, metrics=[Metric(name, value, now, step) for name, value in numbers.items()])

    def tags(self, tags: dict[str, Any]) -> None:
        """Set tags."""
        for name, value in tags.items():
            self.client.set_tag(self.id, name, str(value))


@contextmanager
def training_run(model: str, params: dict[str, Any]) -> Iterator[Run]:
    """A new run with these params, FINISHED when the block ends well and FAILED when it does not."""
    from mlflow.entities import Param

    client, experiment = connect()
    run = Run(client, client.create_run(experiment, run_name=model, tags=_tags(model)).info.run_id)
    try:
        client.log_batch(run.id, params=[Param(name, str(value)) for name, value in params.items()])
        yield run
    except BaseException:
        client.set_terminated(run.id, "FAILED")
        raise
    client.set_terminated(run.id, "FINISHED")


@contextmanager
def resumed_run(model: str, run_id: str) -> Iterator[Run]:
    """The run of a trained model once more, its end time kept; FAILED when the block fails.

    Where the store does not know the run (a restored model, a new store), a run of its own is made and tagged so.
    """
    from mlflow.exceptions import MlflowException

    client, experiment = connect()
    try:
        client.get_run(run_id)
    except MlflowException:
        tags = _tags(model) | {"trained_in": run_id, "note": "the training run is not in this store"}
        run_id = client.create_run(experiment, run_name=model, tags=tags).info.run_id
        client.set_terminated(run_id)
    try:
        yield Run(client, run_id)
    except BaseException:
        client.update_run(run_id, status="FAILED")
        raise
    client.update_run(run_id, status="FINISHED")


def _tags(model: str) -> dict[str, str]:
    """What leads back from a run to DVC and git."""
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD")
    return {
        "model": model,
        "dvc_stage": os.environ.get("DVC_STAGE", "none"),
        "dvc_exp": os.environ.get("DVC_EXP_NAME", "workspace"),
        "git_commit": commit or "none",
        "git_dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))).lower(),
    }


def _git(*arguments: str) -> str:
    """What git prints, or nothing where there is no git or no repository."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
