"""The measures that claims are decided by: each takes one training of every model that the claim is about."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from src.comparison.published import PublishedModel
from src.comparison.runs import HISTORY, Run
from src.comparison.trend import MIN_EPOCHS, Estimate, final_slope


@dataclass(frozen=True)
class Training:
    """What a measure looks at: one training, ours or the notebook's; NaN where the notebook does not say.

    history: a list per column of HISTORY. gap: training minus validation accuracy of the trained model. correct: (n,)
    bool, the validation images classified correctly; None for the notebook.
    """

    history: Mapping[str, Sequence[float]]
    gap: float
    n_params: float
    seconds: float
    correct: np.ndarray | None

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return len(self.history["epoch"])


def of_run(run: Run) -> Training:
    """What a measure looks at in a run of ours."""
    gap = run.accuracy["train"] - run.accuracy["val"]
    return Training(run.history, gap, run.n_params, run.train_seconds, run.correct["val"])


def of_notebook(model: PublishedModel) -> Training:
    """What a measure looks at in a training of the notebook."""
    history = {column: [row[column] for row in model["history"]] for column in HISTORY}
    gap = model.get("train_accuracy", math.nan) - model.get("val_accuracy", math.nan)
    return Training(history, gap, model.get("parameters", math.nan), model.get("train_seconds", math.nan), None)


def val_accuracy(a: Training, b: Training) -> Estimate:
    """Difference in validation accuracy after the last epoch that both have."""
    last = min(a.epochs, b.epochs) - 1
    value = a.history["val_accuracy"][last] - b.history["val_accuracy"][last]
    if a.correct is None or b.correct is None or a.epochs != b.epochs:
        return Estimate(value)
    difference = a.correct.astype(int) - b.correct.astype(int)
    return Estimate(value, float(difference.std(ddof=1) / np.sqrt(len(difference))))


def first_epoch(a: Training, b: Training) -> Estimate:
    """Validation accuracy after the first epoch minus the other model's after its last."""
    return Estimate(a.history["val_accuracy"][0] - b.history["val_accuracy"][-1])


def generalization_gap(a: Training, b: Training) -> Estimate:
    """Training minus validation accuracy of the trained model, minus the same of the other."""
    return Estimate(a.gap - b.gap)


def val_loss_slope(training: Training) -> Estimate:
    """Slope of the validation loss over the last third of the epochs, at least the last four."""
    return final_slope(training.history["val_loss"])


def n_params(a: Training, b: Training) -> Estimate:
    """Difference in the number of parameters."""
    return Estimate(a.n_params - b.n_params, std_error=0.0)


def epoch_seconds(a: Training, b: Training) -> Estimate:
    """Difference in the training time per epoch."""
    return Estimate(a.seconds / a.epochs - b.seconds / b.epochs)


class Measure(NamedTuple):
    """A function of one training of each model, the unit of its value, and the epochs that it needs."""

    function: Callable[..., Estimate]
    unit: Literal["accuracy", "loss per epoch", "parameters", "seconds"]
    min_epochs: int = 1


MEASURES = {
    "val_accuracy": Measure(val_accuracy, "accuracy"),
    "first_epoch": Measure(first_epoch, "accuracy"),
    "generalization_gap": Measure(generalization_gap, "accuracy"),
    "val_loss_slope": Measure(val_loss_slope, "loss per epoch", MIN_EPOCHS),
    "n_params": Measure(n_params, "parameters"),
    "epoch_seconds": Measure(epoch_seconds, "seconds"),
}
