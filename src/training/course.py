"""The course of a training: what is shown, kept and tracked of it after each epoch, over interruptions."""

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from src import classifiers
from src.images.splits import Labelled
from src.pipeline import tracking
from src.pipeline.files import UserError, check_room
from src.pipeline.progress import TrainingProgress
from src.training import checkpoint
from src.training.checkpoint import Checkpoint, Record

if TYPE_CHECKING:
    import keras


class SeedRun(TypedDict):
    """One training: its seed, its MLflow run, its seconds, and how often it went on after an interruption.

    The seconds are those of its finished epochs, each with its validation and its checkpoint, and of compiling, once
    per start.
    """

    seed: int
    run_id: str
    train_seconds: float
    n_resumed: int


class Course:
    """A training from a seed, from where an earlier process left it; a context manager that ends its MLflow run."""

    def __init__(
        self,
        model: str,
        recipe: Mapping[str, Any],
        environment: Mapping[str, str],
        data: tuple[Labelled, Labelled],
        *,
        path: Path | None,
        found: Checkpoint | None,
        parent_id: str,
    ) -> None:
        """recipe: with the seed. path: of the checkpoints; None: there are none. found: the one that is there."""
        self.model, self.recipe, self.data, self.path, self.found = model, recipe, data, path, found
        self.params = {**recipe, **environment}
        self.seed, self.epochs, self.name = recipe["seed"], recipe["epochs"], f"{model}-seed{recipe['seed']}"
        self.file = f"models/{model}/{self.seed}.keras"
        self.record = found.record if found else Record()
        self.record.parent_id = parent_id
        steps = math.ceil(len(data[0].y) / recipe["batch_size"])
        self.progress = TrainingProgress(f"train: {self.name}", self.epochs, steps)
        self.stack = ExitStack()

    def __enter__(self) -> "Course":
        """The course itself; `start` opens the run."""
        return self

    def __exit__(self, *error: Any) -> None:
        """End the run, as FAILED if there is an error."""
        self.stack.__exit__(*error)

    @property
    def n_done(self) -> int:
        """How many epochs are finished."""
        return len(self.record.history)

    def start(self, network: "keras.Model") -> int:
        """Give a compiled network, its optimizer built, the last checkpoint's state, and open the MLflow run.

        Returns the first epoch to train, from 1. Raises UserError without room for the model and the checkpoint.
        """
        self.network = network
        n_bytes = sum(4 * math.prod(variable.shape) for variable in checkpoint.state(network, finished=False))
        for folder in (Path(self.file).parent, *([self.path.parent] if self.path else [])):
            check_room(folder, n_bytes)
        if self.found:
            self._take_up(self.found)
        if not self.record.closed:
            self._open_run()
        self.stack.enter_context(self.progress)
        self.progress.advance(self.n_done * self.progress.steps)
        self.clock = time.perf_counter() - self.record.train_seconds
        return self.n_done + 1

    def _take_up(self, found: Checkpoint) -> None:
        """Go on from a checkpoint."""
        finished = self.n_done == self.epochs
        if not checkpoint.assign(found, checkpoint.state(self.network, finished=finished)):
            print(f"train: {self.name}: {self.path} does not fit the network: the training starts over.", flush=True)
            self.record = Record(parent_id=self.record.parent_id)
        elif finished:
            print(f"train: {self.name}: was finished before ({self.path}).", flush=True)
        else:
            print(f"train: {self.name}: goes on after epoch {self.n_done} ({self.path}).", flush=True)
            self.record.n_resumed += 1

    def _open_run(self) -> None:
        """Open the MLflow run, the same as before an interruption."""
        run = tracking.training_run(
            self.model, self.name, self.params, run_id=self.record.run_id, parent_id=self.record.parent_id
        )
        self.run = self.stack.enter_context(run)
        self.record.run_id = self.run.id
        for name, context, images in zip(("train", "val"), ("training", "validation"), self.data, strict=True):
            self.run.log_dataset(name, context, images.x, images.y)
        if self.n_done:  # the process may have ended between the checkpoint and this
            self.run.log_epoch(self.n_done, self._logs())

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Keep, show and track a finished epoch. Raises UserError for a loss that is no number."""
        if not math.isfinite(logs["loss"]):
            advice = f"Got {logs['loss']} in epoch {epoch}; take a lower learning_rate."
            raise UserError(f"params.yaml: models.{self.model}: the loss must stay finite. {advice}")
        row = {"seed": self.seed, "epoch": epoch} | {key: round(value, 6) for key, value in logs.items()}
        self.record.history.append(row)
        self.record.train_seconds = round(time.perf_counter() - self.clock, 3)
        self._keep()
        self.progress.epoch(epoch, logs)
        self.run.log_epoch(epoch, self._logs())

    def finish(self) -> SeedRun:
        """Save the trained network and close the MLflow run. Returns the report."""
        import keras

        classifiers.save(self.network, self.file)
        report: SeedRun = {
            "seed": self.seed,
            "run_id": str(self.record.run_id),
            "train_seconds": self.record.train_seconds,
            "n_resumed": self.record.n_resumed,
        }
        if not self.record.closed:
            seconds, n_resumed = report["train_seconds"], report["n_resumed"]
            params = self.network.count_params()
            self.run.log_metrics({"train_seconds": seconds, "n_resumed": n_resumed, "n_params": params})
            shape, classes = self.data[0].x.shape[1:], self.network.output_shape[1]
            self.run.log_model(self.file, shape=shape, classes=classes, backend=keras.backend.backend())
            self.stack.close()
            self.record.closed = True
            self._keep()
        return report

    def _logs(self) -> dict[str, float]:
        """Loss and accuracy of the last finished epoch."""
        return {key: value for key, value in self.record.history[-1].items() if key not in ("seed", "epoch")}

    def _keep(self) -> None:
        """Write the checkpoint; where that fails the training goes on, and the checkpoint before is kept."""
        if self.path is None:
            return
        try:
            variables = checkpoint.state(self.network, finished=self.n_done == self.epochs)
            checkpoint.write(self.path, self.record, variables)
        except OSError as error:
            print(f"train: {self.name}: no checkpoint of epoch {self.n_done}: {error.strerror}.", flush=True)
