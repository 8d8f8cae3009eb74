"""What the inference says, as the rows of its tables."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from src.inference import row_order
from src.inference.posterior import credible_set, posterior
from src.inference.records import Candidate, Direct, RowOrder, Sensitivity
from src.inference.study import Evidence, in_words
from src.inference.trainings import CURVES

DIGITS = 6


def candidates(
    evidence: Evidence,
    logs: np.ndarray,
    priors: Mapping[str, np.ndarray],
    moves: np.ndarray,
    names: Sequence[str],
    n_listed: int,
) -> list[Candidate]:
    """The groupings of the greatest probability with either prior, {"flat", "author"}, in the order of likelihood."""
    posteriors = {name: posterior(logs, prior, 1) for name, prior in priors.items()}
    rank = (-logs).argsort(kind="stable").argsort()
    listed = {int(number) for values in posteriors.values() for number in np.argsort(-values)[:n_listed]}
    return [
        {
            "rank": int(rank[number]) + 1,
            "grouping": in_words(evidence.labels[number], names),
            "n_moves": int(moves[number]),
            "log_likelihood": round(float(logs[number]), 2),
            "flat": round(float(posteriors["flat"][number]), DIGITS),
            "author": round(float(posteriors["author"][number]), DIGITS),
        }
        for number in sorted(listed, key=lambda number: rank[number])
    ]


def sensitivity(
    evidence: Evidence,
    logs: np.ndarray,
    priors: Mapping[str, np.ndarray],
    tempers: Sequence[float],
    credibility: float,
    names: Sequence[str],
) -> list[Sensitivity]:
    """A row for each prior and power of the likelihood."""
    rows: list[Sensitivity] = []
    for (prior, weights), temper in product(priors.items(), tempers):
        probabilities = posterior(logs, weights, temper)
        best, second = np.argsort(-probabilities, kind="stable")[:2]
        rows.append(
            {
                "prior": prior,
                "temper": temper,
                "set_size": len(credible_set(probabilities, credibility)),
                "best": in_words(evidence.labels[best], names),
                "p_best": round(float(probabilities[best]), DIGITS),
                "p_second": round(float(probabilities[second]), DIGITS),
            }
        )
    return rows


def direct(trained: Mapping[str, Sequence[np.ndarray]], published: np.ndarray) -> list[Direct]:
    """The trainings of some groupings, four numbers each, beside the published one's four numbers."""
    freedom = sum(len(runs) - 1 for runs in trained.values())
    squares = [(np.stack(runs) - np.mean(runs, axis=0)) ** 2 for runs in trained.values()]
    pooled = np.sqrt(sum(part.sum(axis=0) for part in squares) / freedom)
    rows: list[Direct] = []
    for grouping, runs in trained.items():
        ours = np.mean(runs, axis=0)
        t = (published - ours) / (pooled * np.sqrt(1 + 1 / len(runs)))
        for measure, *values in zip(CURVES, published, ours, published - ours, t, strict=True):
            numbers = dict(
                zip(("published", "ours", "difference", "t"), (round(float(v), 4) for v in values), strict=True)
            )
            rows.append({"grouping": grouping, "n_seeds": len(runs), "measure": measure, **numbers})  # type: ignore[typeddict-item]
    return rows


def judge_order(evidence: Evidence, labels: Sequence[int], shuffles: int, seed: int) -> RowOrder:
    """What the encoders say of the labels that the notebook printed."""
    clusters = [encoder["clusters"] for encoder in evidence.encoders]
    differ = [int((row_order.printed(own, len(labels) // 2) != labels).sum()) for own in clusters]
    random_hits = sum(
        row_order.count_random(encoder["clusters"], encoder["core"], labels, shuffles, seed)
        for encoder in evidence.encoders
    )
    n_random = shuffles * len(differ)
    factor, least = row_order.bayes_factor(differ.count(0), len(differ), random_hits, n_random)
    return {
        "printed": list(labels),
        "n_encoders": len(differ),
        "n_equal": differ.count(0),
        "n_close": sum(number <= 1 for number in differ),
        "n_random": n_random,
        "n_random_equal": random_hits,
        "bayes_factor": round(factor, 1),
        "bayes_factor_low": round(least, 1),
    }
