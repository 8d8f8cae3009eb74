"""What a sweep found: the table of its trials, the winner, and what fresh seeds say of it."""

from collections.abc import Sequence
from statistics import mean
from typing import Any, TypedDict

from src.comparison.statistics import DIGITS, t_interval
from src.sweeping.plan import Plan
from src.sweeping.records import Records, Trial


class Verdict(TypedDict):
    """metrics/sweep/winner.json: the winner beside its model's recipe in params.yaml, both from the same fresh seeds.

    Accuracies are those of the validation images after the last epoch, in [0, 1]. `search_val_accuracy` is the highest
    of all finished trials and so too high; the intervals are Student's, over seeds that chose nothing. A training that
    diverges counts as 0.
    """

    trial: str
    model: str
    tunables: dict[str, Any]
    n_trials: int
    search_val_accuracy: float
    fresh_seeds: list[int]
    confidence: float
    val_accuracy: float
    interval: tuple[float, float]
    current_val_accuracy: float
    difference: float
    difference_interval: tuple[float, float]
    better: bool
    adopt: str | None


def table(plan: Plan, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """A row for each trial: its values, each seed's last validation accuracy, their mean, and how far it came."""
    keys = {key: None for model in plan.space for key in plan.space[model]}  # in the order of params.yaml
    rows = []
    for trial in trials:
        last = {seed: trial.last[seed]["val_accuracy"] if seed in trial.last else None for seed in trial.seeds}
        rows.append(
            {"trial": trial.name, "model": trial.model}
            | {key: trial.tunables.get(key) for key in keys}
            | {f"val_accuracy_{seed}": accuracy for seed, accuracy in last.items()}
            | {"val_accuracy": trial.score(plan.epochs), "epochs_trained": len(trial.rows), "state": trial.state}
            | {"train_seconds": trial.seconds}
        )
    return rows


def find_winner(plan: Plan, trials: Sequence[Trial]) -> Trial | None:
    """The finished trial with the highest mean validation accuracy, the earlier one of equals; None without any."""
    finished = [trial for trial in trials if trial.state == "finished"]
    return max(finished, key=lambda trial: trial.score(plan.epochs) or 0.0, default=None)


def fresh_trials(plan: Plan, winner: Trial) -> list[Trial]:
    """Trainings of the winner, then of its model's current recipe, from seeds that the search did not use.

    Those of the recipe alone, if it is the winner.
    """
    first, current = plan.search_seeds[-1] + 1, plan.current(winner.model)
    recipes = {winner.name.replace("trial", "winner"): winner.tunables, f"current-{winner.model}": current}
    if winner.tunables == current:
        del recipes[winner.name.replace("trial", "winner")]
    return [
        Trial(f"{name}-{seed}", winner.model, tunables, [seed])
        for name, tunables in recipes.items()
        for seed in range(first, first + plan.fresh_seeds)
    ]


def judge(plan: Plan, winner: Trial, records: Records) -> Verdict:
    """What the fresh seeds say; `better` where the interval of the difference lies above 0."""
    fresh = [records.trials[trial.name] for trial in fresh_trials(plan, winner)]
    scores = [trial.score(plan.epochs) or 0.0 if trial.state == "finished" else 0.0 for trial in fresh]
    ours, current = scores[: plan.fresh_seeds], scores[-plan.fresh_seeds :]  # the same ones where the recipe is
    differences = [score - other for score, other in zip(ours, current, strict=True)]
    low, high = t_interval(differences, plan.confidence)
    return {
        "trial": winner.name,
        "model": winner.model,
        "tunables": winner.tunables,
        "n_trials": len(records.search),
        "search_val_accuracy": winner.score(plan.epochs) or 0.0,
        "fresh_seeds": sorted({seed for trial in fresh for seed in trial.seeds}),
        "confidence": plan.confidence,
        "val_accuracy": round(mean(ours), DIGITS),
        "interval": t_interval(ours, plan.confidence),
        "current_val_accuracy": round(mean(current), DIGITS),
        "difference": round(mean(differences), DIGITS),
        "difference_interval": (low, high),
        "better": low > 0,
        "adopt": adoption(plan, winner),
    }


def adoption(plan: Plan, winner: Trial) -> str | None:
    """The command that runs the pipeline with the winner's recipe; None where it is the recipe of params.yaml."""
    block = plan.block(winner.model)
    changed = {f"models.{winner.model}.{key}": value for key, value in winner.tunables.items() if value != block[key]}
    if not changed:
        return None
    if plan.epochs != block["epochs"]:
        changed["epochs" if plan.params["epochs"] else f"models.{winner.model}.epochs"] = plan.epochs
    return " ".join(["dvc exp run", *(f"-S {key}={value}" for key, value in changed.items())])


def in_words(verdict: Verdict) -> str:
    """The verdict for the terminal."""
    low, high = verdict["interval"]
    n_seeds, level = len(verdict["fresh_seeds"]), f"{verdict['confidence']:.0%}"
    lines = [
        f"the best of {verdict['n_trials']} trials is {verdict['trial']}: validation accuracy"
        f" {verdict['search_val_accuracy']:.4f}, which is too high an estimate, for it was chosen by it.",
        f"from {n_seeds} fresh seeds: {verdict['val_accuracy']:.4f}, {level} interval {low:.4f} to {high:.4f}.",
    ]
    if verdict["adopt"] is None:
        return "\n".join([*lines, "it is the recipe of params.yaml: nothing better was found."])
    low, high = verdict["difference_interval"]
    better, command = ("better", "adopt it") if verdict["better"] else ("no better", "adopt it all the same")
    lines.append(
        f"the recipe of params.yaml, from the same seeds: {verdict['current_val_accuracy']:.4f}; the difference is"
        f" {verdict['difference']:+.4f}, {level} interval {low:+.4f} to {high:+.4f}: the winner is {better}."
    )
    return "\n".join([*lines, f"to {command}: {verdict['adopt']}"])
