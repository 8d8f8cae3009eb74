"""MLflow: a run for each training and each report, in one store at the top."""

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from src.pipeline import origin
from src.pipeline.files import repository_root
from src.pipeline.store import as_user_error, database_lock, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "mystery-fashion"
TRAINED_IN = "model.trained_in"
DESCRIPTION = "mlflow.note.content"  # which MLflow shows above a run, as Markdown
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # a server that is away is told in seconds, not in minutes;
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # so is one that never answers
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # the address may hold a password
}


def connect() -> tuple["MlflowClient", str]:
    """A client of the store and the experiment's id. Raises UserError where the store cannot be used."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if relative := re.fullmatch(r"sqlite:///([^/].*)", uri):  # anchored, or a temporary copy's runs are deleted with it
        uri = f"sqlite:///{repository_root() / relative[1]}"
    with as_user_error(uri), database_lock(uri):
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment:
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            return client, experiment.experiment_id
        # for a server the place is its own, and not below this machine's folders
        place = (repository_root() / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
        return client, client.create_experiment(EXPERIMENT, artifact_location=place)


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

    def log_dataset(self, *_: object) -> None: ...

    def log_model(self, *_: object) -> None: ...

    def log_artifact(self, path: str) -> None:
        """Keep a copy of a file with the run."""
        self.client.log_artifact(self.id, path)


@contextmanager
def parent_run(model: str, params: Mapping[str, Any], run_id: str | None = None) -> Iterator[Run]:
    yield SimpleNamespace(id=run_id or uuid.uuid4().hex)  # type: ignore[misc]


def training_run(
    model: str, name: str, params: Mapping[str, Any], *, run_id: str | None = None, parent_id: str | None = None
) -> AbstractContextManager[Run]:
    """A new run of that name for a training of a model with these params, `seed` among them; as `new_run`."""
    if run_id:
        return resumed_run(model, name, run_id)
    seed = params["seed"]
    description = (
        f"Training of the model `{model}` from seed {seed}, by the stage `train`. "
        f"Its weights are in `models/{model}/{seed}.keras`, loss and accuracy of each epoch in "
        f"`metrics/train/history/{model}.csv` and here in the curves `epoch_...`. "
        "The stage `evaluate` adds the scores of the trained model and its times."
    )
    return new_run(name, {"model": model, DESCRIPTION: description}, params)


@contextmanager
def new_run(name: str, tags: Mapping[str, str], params: Mapping[str, Any]) -> Iterator[Run]:
    """A new run, FINISHED when the block ends well and FAILED when it does not. Raises UserError."""
    from mlflow.entities import Param

    client, experiment = connect()
    with as_user_error(client.tracking_uri):
        run = Run(client, client.create_run(experiment, run_name=name, tags={**tags, **origin.tags()}).info.run_id)
        with _closed(lambda status: client.set_terminated(run.id, status)):
            client.log_batch(run.id, params=[Param(key, str(value)) for key, value in params.items()])
            yield run


@contextmanager
def resumed_run(model: str, name: str, run_id: str) -> Iterator[Run]:
    """The run of a trained model again, its end time kept; FAILED when the block fails. Raises UserError.

    Where the store lacks that run (a restored model, a new store), a new one stands for it, tagged `model.trained_in`.
    """
    client, experiment = connect()
    with as_user_error(client.tracking_uri):
        same = f"attributes.run_id = '{run_id}'", f"tags.`{TRAINED_IN}` = '{run_id}'"
        known = [run for condition in same for run in client.search_runs([experiment], condition, max_results=1)]
        if known:
            run = Run(client, known[0].info.run_id)
        else:
            description = (
                f"Scores of the model `{model}`. It was trained in the run `{run_id}`, which this store lacks."
            )
            tags = origin.tags() | {"model": model, TRAINED_IN: run_id, DESCRIPTION: description}
            run = Run(client, client.create_run(experiment, run_name=name, tags=tags).info.run_id)
            client.set_terminated(run.id)
        with _closed(lambda status: client.update_run(run.id, status=status)):
            yield run


@contextmanager
def _closed(close: Callable[[str], object]) -> Iterator[None]:
    """Close a run as FINISHED when the block ends well, else as FAILED; the block's error is the one that is raised."""
    try:
        yield
    except BaseException as error:
        try:
            close("FAILED")
        except Exception as second:
            error.add_note(without_password(f"The MLflow run could not be closed: {second}"))
        raise
    close("FINISHED")
