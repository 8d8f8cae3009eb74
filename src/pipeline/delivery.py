"""One file of the spool to MLflow: whatever was sent before is not doubled, whatever is missing is sent.

MLflow makes the ids of runs and models itself, and a request may be cut after it was taken. So a run and its model
carry our id as a tag, by which they are looked up before they are made.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from src.pipeline.files import UserError
from src.pipeline.logged_model import deliver_model
from src.pipeline.spool import Event, attachments, read_events, remove

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

RUN_ID = "pipeline.run_id"
PARENT = "mlflow.parentRunId"
STAND_IN = "pipeline.stand_in"  # a run that was made for scores, for the store lacks the training's


class Delivery:
    """Sends a file's events as they come. After an error a new one must start over."""

    def __init__(self, client: "MlflowClient", experiment: str, path: Path) -> None:
        self.client, self.experiment, self.path = client, experiment, path
        self.offset = 0
        self.header: Event = {}
        self.run_id = ""  # the store's
        self.model_id: str | None = None
        self.digests: dict[str, str] = {}  # of the run's datasets, by name
        self.status: str | None = None
        self.there: set[tuple[str, int, float]] = set()  # points of curves that were in the store before
        self.metrics: list[Metric] = []
        self.n_sent = 0  # of the metrics
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.artifacts: dict[str, int] = {}  # bytes by name
        self.time = 0  # of the last event

    def send(self, writing: bool) -> bool:
        """Send what is new; whether all is in the store, so that the file was removed.

        writing: whether the writer lived before this call; without it, a run that has no end was killed.
        """
        events, self.offset = read_events(self.path, self.offset)
        if events:
            self.time = max(event.get("time", 0) for event in [{"time": self.time}, *events])
        if not self.header:
            self.header = events[0]
            self._open()
        for kind in ("dataset", "model", "tags", "metrics", "artifact", "end"):  # a metric may belong to a model
            for event in (event for event in events if event["event"] == kind):
                getattr(self, f"_{kind}")(event)
        if events:
            self._send_batch()
        if self.header["own"] and self.status is None and not writing:
            self.status = "KILLED"
        if self.status:
            self.client.set_terminated(self.run_id, self.status, self.time)
        if writing and self.status is None:
            return False
        self._check()
        remove(self.path)
        return True

    def _open(self) -> None:
        """Find the run or make it, and see what a resumed one has."""
        run = find_run(self.client, self.experiment, self.header["id"])
        tags = self.header["tags"] | {RUN_ID: self.header["id"]}
        if self.header.get("parent"):
            parent = find_run(self.client, self.experiment, self.header["parent"])
            tags |= {PARENT: parent.info.run_id} if parent else {}
        if run is None:
            start, name = self.header["time"], self.header["name"]
            made = tags if self.header["own"] else tags | {STAND_IN: "true"}
            self.client.create_run(self.experiment, start_time=start, tags=made, run_name=name)
            run = find_run(self.client, self.experiment, self.header["id"])  # another checkout may have been faster
            if run is None:
                raise UserError(f"The store lacks the run {self.header['name']}, which it just took.")
        self.run_id = run.info.run_id
        if not self.header["own"] and STAND_IN in run.data.tags and run.info.status == "RUNNING":
            self.client.set_terminated(self.run_id, "FINISHED", self.header["time"])
        params = self.header.get("params", {})
        self.params = {key: value for key, value in params.items() if key not in run.data.params}
        changed = {key: value for key, value in params.items() if run.data.params.get(key, value) != value}
        tags |= {f"resumed.{key}": value for key, value in changed.items()}  # MLflow keeps a parameter's first value
        self.digests = _digests(run)
        if run.outputs and run.outputs.model_outputs:
            self.model_id = run.outputs.model_outputs[-1].model_id
        if self.header["own"]:
            self.tags = tags
            for key in (key for key in run.data.metrics if key.startswith("epoch_")):
                history = self.client.get_metric_history(self.run_id, key)
                self.there |= {(key, point.step, point.value) for point in history}
            if run.info.status != "RUNNING":
                self.client.update_run(self.run_id, status="RUNNING")

    def _dataset(self, event: Event) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(**event["dataset"])
        tags = [InputTag("mlflow.data.context", event["context"])]
        self.client.log_inputs(self.run_id, [DatasetInput(dataset, tags)])
        self.digests[dataset.name] = dataset.digest

    def _model(self, event: Event) -> None:
        ids = {"run_id": self.run_id, RUN_ID: self.header["id"]}
        file = attachments(self.path) / event["file"]
        self.model_id = deliver_model(
            self.client, self.experiment, ids, self.header["name"], self.header["params"], event, file
        )

    def _tags(self, event: Event) -> None:
        self.tags |= event["tags"]

    def _metrics(self, event: Event) -> None:
        from mlflow.entities import Metric

        data, linked = event["dataset"], {}
        if data in self.digests:
            linked = {"model_id": self.model_id, "dataset_name": data, "dataset_digest": self.digests[data]}
        self.metrics += [
            Metric(key, value, event["time"], event["step"], **linked)
            for key, value in event["values"].items()
            if (key, event["step"], value) not in self.there
        ]

    def _artifact(self, event: Event) -> None:
        file = attachments(self.path) / event["file"]
        self.client.log_artifact(self.run_id, str(file))
        self.artifacts[file.name] = file.stat().st_size

    def _end(self, event: Event) -> None:
        self.status = event["status"]

    def _send_batch(self) -> None:
        """Send numbers, params and tags in as few requests as MLflow's limits allow; it keeps equal points once."""
        from mlflow.entities import Param, RunTag

        params = [Param(key, value) for key, value in self.params.items()]
        tags = [RunTag(key, value) for key, value in self.tags.items()]
        self.client.log_batch(self.run_id, self.metrics[self.n_sent :], params, tags)
        self.n_sent = len(self.metrics)

    def _check(self) -> None:
        """Raise UserError where the store does not show what was sent."""
        run = find_run(self.client, self.experiment, self.header["id"])
        lacking = ["the run"] if run is None or run.info.run_id != self.run_id else self._lacking(run)
        if lacking:
            raise UserError(f"The store took the run {self.header['name']} but lacks {', '.join(lacking[:5])}.")

    def _lacking(self, run: "Run") -> list[str]:
        """What was sent and is not in the store."""
        lacking = [key for key, value in self.params.items() if run.data.params.get(key) != value]
        lacking += [key for key, value in self.tags.items() if run.data.tags.get(key) != value]
        for key in {metric.key for metric in self.metrics}:
            kept = {_point(metric) for metric in self.client.get_metric_history(self.run_id, key)}
            lacking += [key for metric in self.metrics if metric.key == key and _point(metric) not in kept]
        if self.artifacts:
            files = {file.path: file.file_size for file in self.client.list_artifacts(self.run_id)}
            lacking += [name for name, size in self.artifacts.items() if files.get(name) != size]
        lacking += [f"the dataset {name}" for name in self.digests if name not in _digests(run)]
        models = [row.model_id for row in run.outputs.model_outputs] if run.outputs else []
        lacking += ["the model"] if self.model_id and self.model_id not in models else []
        return lacking + (["its end"] if self.status and run.info.status != self.status else [])


def _digests(run: "Run") -> dict[str, str]:
    """The digest of each dataset of a run, by name."""
    rows = run.inputs.dataset_inputs if run.inputs else []
    return {row.dataset.name: row.dataset.digest for row in rows}


def _point(metric: "Metric") -> tuple[int, int, str]:
    """What tells one point of a curve from another; a value that is no number is equal to itself here."""
    return metric.timestamp, metric.step, repr(metric.value)


def find_run(client: "MlflowClient", experiment: str, run_id: str) -> "Run | None":
    """The run with our id. Later doubles, of a request whose answer was lost, are deleted."""
    same = f"tags.`{RUN_ID}` = '{run_id}'"
    runs = list(client.search_runs([experiment], same, order_by=["attributes.start_time ASC"]))
    for double in runs[1:]:
        client.delete_run(double.info.run_id)
    return runs[0] if runs else None
