"""What the notebook of 2022 wrote about its models, each statement checked on our runs by one rule.

A claim is a number for every seed, above zero where the statement holds or, for "alike", near zero. The interval of its
mean over the seeds decides; where it crosses the bound, or with too few seeds, the claim is undecided. Each claim has
the confidence by itself: nothing corrects for their number.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from src.comparison import statistics as evidence

Run = Mapping[str, Any]  # of one model and seed, as compare joins them: the reports' numbers and the history's columns


def common_epoch(run: Run, other: Run) -> float:
    """Validation accuracy less the other's, after the last epoch that both have."""
    ours, others = (each["history"]["val_accuracy"] for each in (run, other))
    last = min(len(ours), len(others)) - 1
    return ours[last] - others[last]


def first_epoch(run: Run, other: Run) -> float:
    """Validation accuracy after the first epoch less the other's after its last."""
    return run["history"]["val_accuracy"][0] - other["history"]["val_accuracy"][-1]


def gap(run: Run, other: Run) -> float:
    """Training less validation accuracy of the trained model, less the same of the other."""
    ours, others = (each["train_accuracy"] - each["val_accuracy"] for each in (run, other))
    return ours - others


def rise(run: Run) -> float:
    """Validation loss of the last epoch less the lowest of those before: above zero it has turned."""
    *before, last = run["history"]["val_loss"]
    return last - min(before, default=last)


def fall(run: Run) -> float:
    """Lowest validation loss of the epochs before the last less that of the last: above zero it was still falling."""
    return -rise(run)


def parameters(run: Run, other: Run) -> float:
    """Parameters less the other's."""
    return run["parameters"] - other["parameters"]


def seconds(run: Run, other: Run) -> float:
    """Training time of an epoch less the other's, in seconds."""
    return run["train_seconds"] / run["epochs"] - other["train_seconds"] / other["epochs"]


class Claim(NamedTuple):
    """A statement, the number that decides and the models whose runs it takes; exact: no seed changes the number."""

    says: str
    number: Callable[..., float]
    models: tuple[str, ...]
    kind: Literal["above", "alike", "exact"] = "above"


CLAIMS = {
    "adam_more_accurate": Claim("Adam gives a better accuracy than SGD", common_epoch, ("cm4", "cnn3")),
    "adam_faster": Claim("Adam converges faster than SGD", first_epoch, ("cm4", "cnn3")),
    "sgd_not_converged": Claim("SGD takes longer to converge: its loss still fell", fall, ("cnn3",)),
    "sgd_generalizes": Claim("SGD generalizes better: its gap is smaller than Adam's", gap, ("cm4", "cnn3")),
    "leaky_relu_alike": Claim("LeakyReLU does as well as ReLU", common_epoch, ("cnn4", "cm4"), "alike"),
    "same_epochs_alike": Claim("With the same epochs the CNNs do alike", common_epoch, ("cnn2", "cnn4"), "alike"),
    "dropout": Claim("Dropout lessens over-fitting (CNN1 has none, but more parameters)", gap, ("cnn1", "cnn2")),
    "first_dropout": Claim(
        "Dropout after the first convolution too lessens over-fitting (CNN4: also LeakyReLU)", gap, ("cnn4", "cnn2")
    ),
    "cm1_over_fits": Claim("CM1 over-fits: its validation loss turned", rise, ("cm1",)),
    "simple_over_fits": Claim("Simpler models over-fit: the validation loss of CNN2 turned", rise, ("cnn2",)),
    "vgg_not_converged": Claim("VGG had not converged: its loss still fell", fall, ("cnn_vgg",)),
    "lstm_not_converged": Claim("LSTM had not converged: its loss still fell", fall, ("cnn_lstm",)),
    "vgg_larger": Claim("VGG has more parameters than the simple models", parameters, ("cnn_vgg", "cm1"), "exact"),
    "lstm_larger": Claim("LSTM has more parameters than the simple models", parameters, ("cnn_lstm", "cm1"), "exact"),
    "vgg_slower": Claim("VGG takes longer to train", seconds, ("cnn_vgg", "cm1")),
    "lstm_slower": Claim("LSTM takes longer to train", seconds, ("cnn_lstm", "cm1")),
}


def verdict(low: float, high: float, bound: float | None) -> Literal["confirmed", "not confirmed", "undecided"]:
    """What an interval says: above zero or not; with a bound, within so much of zero or beyond."""
    holds, fails = (
        (low > 0, high < 0) if bound is None else (-bound < low and high < bound, low > bound or high < -bound)
    )
    return "confirmed" if holds else "not confirmed" if fails else "undecided"


def check(
    runs: Mapping[str, Sequence[Run]], *, confidence: float, min_seeds: int, margin: float
) -> dict[str, dict[str, Any]]:
    """Each claim whose models are there: what it says, its number by seed, mean and interval, and the verdict.

    runs: {model: a run per seed}; the i-th runs have the same seed. Two models that differ by at most `margin` in
    accuracy are alike. `turned` is the epoch of the lowest validation loss, by model and seed.
    """
    checked = {}
    for name, claim in CLAIMS.items():
        if not set(claim.models) <= set(runs):
            continue
        values = [claim.number(*same_seed) for same_seed in zip(*(runs[model] for model in claim.models), strict=False)]
        low = high = None
        if claim.kind == "exact":
            low = high = values[0]
        elif len(values) >= min_seeds:
            low, high = evidence.mean_interval(values, confidence)
        bound = margin if claim.kind == "alike" else None
        checked[name] = {
            "says": claim.says,
            "verdict": "undecided" if low is None or high is None else verdict(low, high, bound),
            "models": list(claim.models),
            "number": claim.number.__doc__,
            "mean": round(sum(values) / len(values), evidence.DIGITS),
            "low": low,
            "high": high,
            "bound": bound,
            "values": [round(value, evidence.DIGITS) for value in values],
            "turned": {model: [turning_epoch(run) for run in runs[model]] for model in claim.models},
        }
    return checked


def turning_epoch(run: Run) -> int:
    """Epoch of the lowest validation loss, from 1."""
    losses = run["history"]["val_loss"]
    return losses.index(min(losses)) + 1
