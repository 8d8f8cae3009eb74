"""What work that takes long shows: a bar with the time left on a terminal, else a line for each epoch or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import track as rich_track

Item = TypeVar("Item")


class TrainingProgress:
    """Progress of one training; a context manager that draws the bar."""

    def __init__(self, name: str, epochs: int, steps: int) -> None:
        """`name` stands before everything; `steps` are those of one epoch."""
        self.name, self.epochs, self.steps = name, epochs, steps
        self.on_terminal = Console().is_terminal
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(TextColumn("{task.description}"), *columns, disable=not self.on_terminal)
        self.task = self.bar.add_task(name, total=epochs * steps)

    def __enter__(self) -> "TrainingProgress":
        """Start to draw."""
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self.bar.stop()

    def advance(self, steps: int) -> None:
        """Move the bar by so many batches."""
        self.bar.advance(self.task, steps)

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Show the loss and accuracy of a finished epoch, counted from 1."""
        so_far = f"{self.name} epoch {epoch}/{self.epochs}: "
        self.bar.update(self.task, description=f"{so_far}val_accuracy {logs['val_accuracy']:.4f}")
        if not self.on_terminal:
            measures = ("loss", "accuracy", "val_loss", "val_accuracy")
            print(so_far + ", ".join(f"{key} {logs[key]:.4f}" for key in measures), flush=True)


def track(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items one after the other, on a terminal with a bar of how many have been taken."""
    console = Console()
    return rich_track(items, what, console=console, disable=not console.is_terminal)
