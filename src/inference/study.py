"""The trainings of the inference, made or taken over, and what they say of hidden mappings and of the published one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from src.comparison.published import PublishedModel
from src.inference.posterior import credible_set, log_likelihood, posterior, summary
from src.inference.records import Hidden
from src.inference.trainings import CURVES
from src.pipeline.files import UserError

Arrays = Mapping[str, np.ndarray]
# A training of a model from a seed: on labels that hide garments, (garments,) ints, or with None on the garments.
Train = Callable[[str, int, np.ndarray | None], Arrays]


@dataclass
class Evidence:
    """What the trainings left.

    labels: (n, garments) the groupings. predicted: for each model the four numbers of every grouping, (n, 4). hidden:
    the numbers of the groupings that were hidden; measured: for each model those that it was trained on, and the four
    numbers of each training. encoders: for each hidden grouping, DBSCAN's clusters and core points of the test images.
    """

    labels: np.ndarray
    predicted: dict[str, np.ndarray] = field(default_factory=dict)
    hidden: list[int] = field(default_factory=list)
    measured: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)
    encoders: list[Arrays] = field(default_factory=list)

    def errors(self, model: str, without: int | None = None) -> np.ndarray:
        """How far trainings on hidden labels were from their predictions, (k, 4), without those on one grouping."""
        predicted, measured = self.predicted[model], self.measured[model]
        return np.stack([value - predicted[number] for number, value in measured.items() if number != without])

    def log_likelihood(self, numbers: Mapping[str, np.ndarray], without: int | None = None) -> np.ndarray:
        """Of each grouping, (n,), given the four numbers of trainings of some models."""
        return sum(
            (
                log_likelihood(own - self.predicted[model], self.errors(model, without))
                for model, own in numbers.items()
            ),
            np.zeros(len(self.labels)),
        )


def collect(
    train: Train,
    labels: np.ndarray,
    *,
    encoder: str,
    models: Sequence[str],
    n_seeds: int,
    n_mappings: int,
    first_epoch: int,
    seed: int,
) -> Evidence:
    """Train what the inference needs.

    The encoder is trained on every hidden grouping, the other models take turns; each training has a seed of its own.
    """
    if not (least := len(models) * (len(CURVES) + 2)) <= n_mappings <= len(labels):
        must = f"must be {least} to {len(labels)} for these models and labels"
        raise UserError(f"params.yaml: infer.n_mappings: {must}. Got {n_mappings}.")
    evidence = Evidence(labels)
    for model in (encoder, *models):
        curves = [train(model, seed + number, None)["curves"] for number in range(n_seeds)]
        evidence.predicted[model] = np.mean([summary(one, first_epoch) for one in curves], axis=0)
    evidence.hidden = np.random.default_rng(seed).choice(len(labels), n_mappings, replace=False).tolist()
    for number, grouping in enumerate(evidence.hidden):
        for model in (encoder, models[number % len(models)]):
            result = train(model, seed + n_seeds + number, labels[grouping])
            evidence.measured.setdefault(model, {})[grouping] = summary(result["curves"], first_epoch)
            if model == encoder:
                evidence.encoders.append(result)
    return evidence


def self_test(evidence: Evidence, names: Sequence[str], tempers: Sequence[float], credibility: float) -> list[Hidden]:
    """Each hidden grouping as if it were the course's; its own trainings say nothing about the errors."""
    rows: list[Hidden] = []
    for grouping in evidence.hidden:
        numbers = {model: own[grouping] for model, own in evidence.measured.items() if grouping in own}
        logs = evidence.log_likelihood(numbers, without=grouping)
        for temper in tempers:
            chosen = credible_set(posterior(logs, np.ones(len(logs)), temper), credibility)
            rows.append(
                {
                    "grouping": in_words(evidence.labels[grouping], names),
                    "models": " ".join(numbers),
                    "rank": 1 + int((logs > logs[grouping]).sum()),
                    "temper": temper,
                    "set_size": len(chosen),
                    "in_set": grouping in chosen,
                }
            )
    return rows


def published_numbers(model: PublishedModel, first_epoch: int) -> np.ndarray:
    """The four numbers of a published learning curve: (4,)."""
    return summary(np.array([[row[name] for name in CURVES] for row in model["history"]]), first_epoch)


def in_words(labels: np.ndarray, names: Sequence[str]) -> str:
    """A grouping: `T-shirt/top + Shirt, Sandal, ...`, by label."""
    groups = (np.flatnonzero(labels == label) for label in range(labels.max() + 1))
    return ", ".join(" + ".join(names[garment] for garment in group.tolist()) for group in groups)
