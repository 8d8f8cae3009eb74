"""What is known of a sweep: a file for each trial below .sweeps, on the disk before anything is built upon it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any, Literal

from src.pipeline.files import UserError, durable_write, read_json, repository_root
from src.pipeline.locks import try_lock

State = Literal["unfinished", "finished", "pruned", "diverged", "failed"]
ENDED = ("finished", "pruned", "diverged")  # the others are taken up again


@dataclass
class Trial:
    """A recipe and how its trainings went.

    name: `trial-003` in the search, `winner-30` of a training with the fresh seed 30. tunables: the searched keys of
    the model's block. rows: one for each finished epoch, seed by seed: seed, epoch, loss, accuracy, val_loss,
    val_accuracy, and the seconds that the seed has been trained for.
    """

    name: str
    model: str
    tunables: dict[str, Any]
    seeds: list[int]
    state: State = "unfinished"
    rows: list[dict[str, float]] = field(default_factory=list)

    @property
    def last(self) -> dict[int, dict[str, float]]:
        """The last row of each seed."""
        return {int(row["seed"]): row for row in self.rows}

    @property
    def seconds(self) -> float:
        """Seconds of training, over all seeds."""
        return round(sum(row["seconds"] for row in self.last.values()), 3)

    def score(self, epochs: int) -> float | None:
        """The mean over its seeds of the validation accuracy after the last epoch, in [0, 1]; None before the first.

        While the first seed is trained, it is that of the epoch before.
        """
        done = [row["val_accuracy"] for row in self.last.values() if row["epoch"] == epochs]
        return round(mean(done), 6) if done else self.rows[-1]["val_accuracy"] if self.rows else None


class Records:
    """The trials of one sweep, by name in the order in which they were suggested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        trials = [Trial(**read_json(path)) for path in sorted(folder.glob("[a-z]*.json"))]
        self.trials = {trial.name: trial for trial in trials}

    @property
    def search(self) -> list[Trial]:
        """Those of the search, without those with fresh seeds."""
        return [trial for trial in self.trials.values() if trial.name.startswith("trial-")]

    def write(self, trial: Trial) -> None:
        """Keep a trial as it is now."""
        self.trials[trial.name] = trial
        with durable_write(self.folder / f"{trial.name}.json") as file:
            file.write(json.dumps(asdict(trial)).encode())


def sweep_folder(key: str) -> Path:
    """Where a sweep's records are: at the top of the repository, outside git and DVC."""
    return repository_root() / ".sweeps" / key


@contextmanager
def opened(key: str) -> Iterator[Records]:
    """The records of a sweep, for this process alone meanwhile. Raises UserError where another process has them."""
    folder = sweep_folder(key)
    with try_lock(folder / "lock") as alone:
        if not alone:
            raise UserError("another process is in the same sweep: wait for it, or change the block sweep.")
        yield Records(folder)
