"""What is done when a trial starts, reports or ends: MLflow's run, the record on the disk, a line on the terminal."""

import hashlib
import time
from contextlib import ExitStack
from typing import Any

from src.pipeline import tracking
from src.pipeline.tracking import Run
from src.sweeping.plan import Plan
from src.sweeping.records import ENDED, Records, State


class Observer:
    """Follows the trials of a sweep; a context manager that ends their MLflow runs.

    deadline: of time.monotonic(). problem: what the user must solve before any trial can be trained.
    """

    def __init__(self, plan: Plan, records: Records, parent_id: str, deadline: float) -> None:
        self.plan, self.records, self.parent_id, self.deadline = plan, records, parent_id, deadline
        self.problem = ""
        self.runs: dict[str, tuple[ExitStack, Run]] = {}
        self.stack = ExitStack()

    def __enter__(self) -> "Observer":
        """The observer itself."""
        return self

    def __exit__(self, *error: Any) -> None:
        """End the runs that are still open, as FAILED if there is an error."""
        self.stack.__exit__(*error)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune keeps a copy of what follows its trials, for its own way of going on."""
        return {}

    def must_stop(self) -> bool:
        """Whether the sweep has to end now."""
        return bool(self.problem) or time.monotonic() > self.deadline

    def start(self, name: str) -> None:
        """A trial begins, or goes on."""
        trial = self.records.trials[name]
        if trial.state in ENDED or name in self.runs:
            return
        stack = self.stack.enter_context(ExitStack())
        params = {**self.plan.recipe(trial), **self.plan.top, "seeds": trial.seeds}
        tags = {"model": trial.model, "sweep": self.plan.key[:12]}
        run_id = tracking_id(self.plan.key, name)
        run = tracking.new_run(f"{trial.model}-{name}", tags, params, run_id=run_id, parent_id=self.parent_id)
        self.runs[name] = stack, stack.enter_context(run)
        values = ", ".join(f"{key} {value}" for key, value in trial.tunables.items())
        print(f"sweep: {name}: {trial.model}, {values}", flush=True)

    def report(self, name: str, result: dict[str, Any]) -> None:
        """A trial has finished an epoch, diverged, or cannot be trained; epochs that are known are reported again."""
        trial = self.records.trials[name]
        self.problem = self.problem or result.get("problem", "")
        if self.problem or trial.state in ENDED or result["n_rows"] <= len(trial.rows):
            return
        row = result["row"]
        if row is None:
            self.end(name, "diverged")
            return
        logs = {f"{key}_seed{row['seed']}": row[key] for key in row.keys() - {"seed", "epoch", "seconds"}}
        self.runs[name][1].log_epoch(row["epoch"], logs)
        trial.rows.append(row)
        self.records.write(trial)
        epoch = f"epoch {row['epoch']}/{self.plan.epochs}"
        print(f"sweep: {name} seed {row['seed']} {epoch}: val_accuracy {row['val_accuracy']:.4f}", flush=True)

    def complete(self, name: str) -> None:
        """Tune is done with a trial: it is finished, or pruned, or the time is up."""
        trial = self.records.trials[name]
        if len(trial.rows) == len(trial.seeds) * self.plan.epochs:
            self.end(name, "finished")
        elif not self.must_stop():
            self.end(name, "pruned")

    def end(self, name: str, state: State) -> None:
        """Close a trial's run and keep how it ended."""
        trial = self.records.trials[name]
        if name not in self.runs:  # it has ended before, or never begun
            return
        stack, run = self.runs.pop(name)
        run.set_tags({"state": state})
        score = trial.score(self.plan.epochs) or 0.0  # of a trial that diverged at once
        run.log_metrics({"val_accuracy": score, "train_seconds": trial.seconds, "n_epochs": len(trial.rows)})
        stack.close()
        trial.state = state
        self.records.write(trial)
        print(f"sweep: {name}: {state}, val_accuracy {score:.4f}", flush=True)


def tracking_id(key: str, name: str) -> str:
    """The id of a run, 32 hexadecimal digits: the same one after an interruption, so that none is doubled."""
    return hashlib.sha256(f"{key} {name}".encode()).hexdigest()[:32]
