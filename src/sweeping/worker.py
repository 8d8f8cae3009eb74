"""What a worker of Ray does: it trains the seeds of a trial one after the other, and reports every epoch."""

import functools
import gc
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.images import splits
from src.images.splits import Labelled
from src.pipeline.files import UserError
from src.sweeping.plan import Plan
from src.sweeping.records import ENDED, Trial
from src.training import checkpoint
from src.training.checkpoint import Record
from src.training.checkpoint_folder import reserved
from src.training.device import setup_device
from src.training.precision import set_precision
from src.training.recipe import train


class DivergedError(Exception):
    """A loss that is no number."""


def run_trial(config: dict[str, Any], plan: Plan) -> None:
    """Train what is missing of `config["trial"]`; what is known of it is reported again, for Tune forgets everything.

    A report is the row of an epoch, the number of rows and the score so far; or a problem that the user must solve.
    Tune ends a pruned trial by a SystemExit out of its report.
    """
    from ray import tune

    trial = Trial(**config["trial"])
    known, ended = trial.rows, trial.state in ENDED
    trial.rows = []

    def report(row: dict[str, float]) -> None:
        trial.rows.append(row)
        tune.report({"row": row, "n_rows": len(trial.rows), "score": trial.score(plan.epochs)})

    try:
        if ended:
            for row in known:
                report(row)
            if trial.state == "diverged":
                raise DivergedError
        else:
            for seed in trial.seeds:
                _train_seed(plan, trial, seed, report)
    except DivergedError:
        tune.report({"row": None, "n_rows": len(trial.rows) + 1, "score": 0.0})
    except UserError as error:
        tune.report({"problem": str(error)})


def _train_seed(plan: Plan, trial: Trial, seed: int, report: Callable[[dict[str, float]], None]) -> None:
    """Train one seed from its last checkpoint on."""
    gc.collect()  # Keras's layers refer to each other: the model before and its copy of the data would stay for good
    with reserved(plan.training_key(trial, seed)) as path:  # no path: another trial is the same, and trained just now
        last_checkpoint = checkpoint.load(path) if path else None
        if last_checkpoint and len(last_checkpoint.record.history) == plan.epochs:
            for row in last_checkpoint.record.history:
                report(row)
            return
        train_set, val_set, classes = _setup(plan.threads, **plan.top)
        course = _Course(seed, plan.epochs, path, report)
        start = functools.partial(course.start, last_checkpoint)
        train(train_set, val_set, classes, seed, start, lambda steps: None, course.end_epoch, **plan.recipe(trial))


class _Course:
    """A training's epochs: kept, then reported."""

    def __init__(self, seed: int, epochs: int, path: Path | None, report: Callable[[dict[str, float]], None]) -> None:
        self.seed, self.epochs, self.path, self.report = seed, epochs, path, report
        self.record = Record()

    def start(self, last_checkpoint: checkpoint.Checkpoint | None, network: Any) -> int:
        """Go on from the checkpoint, if it fits. Returns the first epoch to train, from 1."""
        self.network = network
        if last_checkpoint and checkpoint.assign(last_checkpoint, checkpoint.state(network, finished=False)):
            self.record = last_checkpoint.record
        for row in self.record.history:
            self.report(row)
        self.clock = time.perf_counter() - self.record.train_seconds
        return len(self.record.history) + 1

    def end_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep and report an epoch. Raises DivergedError."""
        if not math.isfinite(logs["loss"]):
            raise DivergedError
        self.record.train_seconds = round(time.perf_counter() - self.clock, 3)
        row = {"seed": self.seed, "epoch": epoch} | {name: round(value, 6) for name, value in logs.items()}
        self.record.history.append(row | {"seconds": self.record.train_seconds})
        if self.path:
            with suppress(OSError):  # on a full disk the training goes on, and the checkpoint before is kept
                variables = checkpoint.state(self.network, finished=epoch == self.epochs)
                checkpoint.write(self.path, self.record, variables)
        self.report(self.record.history[-1])


@functools.cache
def _setup(threads: int | None, seed: int, device: Any, precision: Any) -> tuple[Labelled, Labelled, int]:
    """Set up the device, once in a worker; the training and validation data and the number of labels."""
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # or the first trial on a card would leave no memory to others
    set_precision(precision, setup_device(seed=seed, device=device, threads=threads))
    return splits.read("train"), splits.read("val"), len(splits.class_names())
