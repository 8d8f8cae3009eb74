"""What a sweep is to do, and its identity: what the numbers of its trials depend on."""

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Any

from src.pipeline.files import UserError
from src.pipeline.schema import Count, Fraction, Positive, Seed, Several
from src.sweeping.records import Trial
from src.sweeping.space import Space
from src.training.identity import NUMERIC_PACKAGES, file_digests
from src.training.recipe import resolve_recipe


@dataclass(frozen=True)
class Plan:
    """The block `sweep` of one version of params.yaml, data, code and packages."""

    params: dict[str, Any]
    space: Space
    trials: int
    concurrent: int
    seeds: int
    epochs: int
    min_epochs: int
    minutes: float
    seed: int
    fresh_seeds: int
    confidence: float

    @property
    def threads(self) -> int | None:
        """Of a trial's computations on the CPU; None: TensorFlow takes all, as in the stage `train`."""
        threads = self.params["threads"]
        return threads if self.concurrent == 1 else max(1, (threads or os.cpu_count() or 1) // self.concurrent)

    @property
    def top(self) -> dict[str, Any]:
        """What is the same in all trainings of the pipeline."""
        return {key: self.params[key] for key in ("seed", "device", "precision")}

    @property
    def search_seeds(self) -> list[int]:
        """The seeds of every trial of the search."""
        return list(range(self.params["seed"], self.params["seed"] + self.seeds))

    def block(self, model: str) -> dict[str, Any]:
        """A model's recipe in params.yaml."""
        return resolve_recipe(self.params["models"][model], self.params)

    def current(self, model: str) -> dict[str, Any]:
        """The searched keys of a model as params.yaml has them."""
        return {key: self.block(model)[key] for key in self.space[model]}

    def recipe(self, trial: Trial) -> dict[str, Any]:
        """What a trial's trainings are called with."""
        recipe = {**self.block(trial.model), **trial.tunables, "epochs": self.epochs}
        del recipe["replicas"]
        return recipe

    @functools.cached_property
    def key(self) -> str:
        """64 hexadecimal digits that change with the trials' numbers; further trials or minutes change none."""
        names = ("space", "seeds", "epochs", "min_epochs", "seed", "threads", "top")
        facts = {name: getattr(self, name) for name in names}
        models = {model: [self.block(model), file_digests(model, self.params)] for model in self.space}
        packages = sorted(f"{package.name} {package.version}" for package in distributions())
        versions = [name for name in packages if NUMERIC_PACKAGES.fullmatch(name.split()[0])]
        return _digest([facts, models, versions])

    def training_key(self, trial: Trial, seed: int) -> str:
        """64 hexadecimal digits that are a training's own."""
        return _digest([self.key, self.recipe(trial), seed])


def make_plan(
    params: dict[str, Any],
    *,
    space: dict[str, Any],
    trials: Count,
    concurrent: Count,
    seeds: Count,
    epochs: Count,
    min_epochs: Count,
    minutes: Positive,
    seed: Seed,
    fresh_seeds: Several,
    confidence: Fraction,
) -> Plan:
    """The plan of the block `sweep`. Raises UserError where its numbers do not go together."""
    if trials < len(space):
        raise UserError(f"params.yaml: sweep.trials: must be at least {len(space)}, one for each model. Got {trials}.")
    if min_epochs > seeds * epochs:
        must = f"must be at most sweep.seeds times sweep.epochs, {seeds * epochs}"
        raise UserError(f"params.yaml: sweep.min_epochs: {must}. Got {min_epochs}.")
    return Plan(params, space, trials, concurrent, seeds, epochs, min_epochs, minutes, seed, fresh_seeds, confidence)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
