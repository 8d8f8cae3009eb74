"""Statements of the course's notebook, each checked on our runs by one rule.

A claim has a measure: one number for every seed. With enough seeds, the t interval of its mean decides; with fewer, the
interval of the first run alone, if the measure has one. Nothing corrects for the number of claims.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypedDict

from src.comparison.measures import MEASURES, of_notebook, of_run
from src.comparison.published import Claim, Published, recipe_differs
from src.comparison.runs import Run
from src.comparison.statistics import DIGITS, t_interval
from src.comparison.trend import Estimate

Verdict = Literal["confirmed", "refuted", "undecided", "not comparable", "not applicable"]


class Outcome(TypedDict):
    """What runs say about a claim.

    value: the measure's mean over the seeds, or its value for the first where these are too few to decide. ci_low and
    ci_high: the interval that decides, at the confidence level ci_level. values: by seed. reason: of the verdict.
    """

    verdict: Verdict
    reason: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    ci_level: float | None
    values: list[float]


class CheckedClaim(Outcome):
    """A claim and what our runs say about it, beside the measure of the notebook's own trainings."""

    name: str
    statement: str
    scope: str
    models: list[str]
    measure: str
    unit: str
    kind: str
    margin: float | None
    published_value: float | None
    published_verdict: Verdict | None


class Rule(NamedTuple):
    """By what claims are decided: block `compare` of params.yaml."""

    confidence: float
    min_seeds: int
    margin: float

    def level(self, kind: str) -> float:
        """Confidence level of the interval that decides: two one-sided tests at 1 - confidence for equivalence."""
        return 2 * self.confidence - 1 if kind == "equivalent" else self.confidence


def check_claims(runs: Mapping[str, Sequence[Run]], published: Published, rule: Rule) -> list[CheckedClaim]:
    """Every claim whose models all have runs. The i-th runs of the models have the same seed."""
    return [
        check_claim(name, claim, [runs[model] for model in claim["models"]], published, rule)
        for name, claim in published["claims"].items()
        if set(claim["models"]) <= set(runs)
    ]


def check_claim(
    name: str, claim: Claim, runs: Sequence[Sequence[Run]], published: Published, rule: Rule
) -> CheckedClaim:
    """A claim, and what the runs of its models say about it."""
    measure = MEASURES[claim["measure"]]
    unchecked = not_checkable(claim, [model[0] for model in runs], published)
    notebook = None if unchecked else in_notebook(claim, published)
    interval = notebook.interval(rule.level(claim["kind"])) if notebook else None
    return {
        "name": name,
        "statement": claim["statement"],
        "scope": claim["scope"].format(epochs=min(model[0].epochs for model in runs)),
        "models": claim["models"],
        "measure": str(measure.function.__doc__),
        "unit": measure.unit,
        "kind": claim["kind"],
        "margin": rule.margin if claim["kind"] == "equivalent" else None,
        **(unchecked or outcome(claim, runs, rule)),
        "published_value": round(notebook.value, DIGITS) if notebook else None,
        "published_verdict": decide(claim["kind"], interval, rule.margin) if interval else None,
    }


def outcome(claim: Claim, runs: Sequence[Sequence[Run]], rule: Rule) -> Outcome:
    """The measure of the runs, and the verdict by its interval: over the seeds or, with too few, of the first alone."""
    level = rule.level(claim["kind"])
    estimates = [MEASURES[claim["measure"]].function(*map(of_run, seed)) for seed in zip(*runs, strict=False)]
    values = [estimate.value for estimate in estimates]
    enough = len(values) >= rule.min_seeds
    interval = t_interval(values, level) if enough else estimates[0].interval(level)
    basis = f"over {len(values)} seeds" if enough else f"for seed {runs[0][0].seed} alone"
    return {
        "verdict": decide(claim["kind"], interval, rule.margin) if interval else "undecided",
        "reason": basis if interval else f"{rule.min_seeds} seeds are needed, there are {len(values)}",
        "value": round(sum(values) / len(values) if enough else values[0], DIGITS),
        "ci_low": round(interval[0], DIGITS) if interval else None,
        "ci_high": round(interval[1], DIGITS) if interval else None,
        "ci_level": round(level, DIGITS) if interval else None,
        "values": [round(value, DIGITS) for value in values],
    }


def not_checkable(claim: Claim, runs: Sequence[Run], published: Published) -> Outcome | None:
    """The outcome of a claim that cannot be checked on these runs, one of each model; None where it can."""
    differing = [reason for run in runs if (reason := recipe_differs(published, run))]
    keys = list(dict.fromkeys(key for run in runs for key in run.recipe))
    unequal = [key for key in keys if len({run.recipe.get(key) for run in runs}) > 1 and key not in claim["may_differ"]]
    needed, epochs = MEASURES[claim["measure"]].min_epochs, min(run.epochs for run in runs)
    if differing:
        return _without_value("not comparable", "; ".join(differing))
    if unequal:
        return _without_value("not comparable", f"{' and '.join(claim['models'])} also differ in {', '.join(unequal)}")
    if epochs < needed:
        return _without_value("not applicable", f"{needed} epochs are needed, there are {epochs}")
    return None


def _without_value(verdict: Verdict, reason: str) -> Outcome:
    """The outcome of a claim that is not measured."""
    return Outcome(verdict=verdict, reason=reason, value=None, ci_low=None, ci_high=None, ci_level=None, values=[])


def in_notebook(claim: Claim, published: Published) -> Estimate | None:
    """The measure of the notebook's own trainings; None where it does not say enough."""
    if not set(claim["models"]) <= set(published["models"]):
        return None
    trainings = [of_notebook(published["models"][model]) for model in claim["models"]]
    estimate = MEASURES[claim["measure"]].function(*trainings)
    return None if math.isnan(estimate.value) else estimate


def decide(kind: str, interval: tuple[float, float], margin: float) -> Literal["confirmed", "refuted", "undecided"]:
    """What an interval says: whether it lies on the claimed side of zero or, for "equivalent", within the margin."""
    low, high = interval
    if kind == "equivalent":
        holds, fails = -margin < low and high < margin, low > margin or high < -margin
    else:
        holds, fails = (low > 0, high < 0) if kind == "above" else (high < 0, low > 0)
    return "confirmed" if holds else "refuted" if fails else "undecided"
