"""The search space: which keys of a model's block are searched, and among which values.

    space: {cm4: {learning_rate: {log: [0.0003, 0.01]}, batch_size: {choice: [128, 500]}}}

`log` and `uniform` stand between two numbers, `choice` before the values themselves.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from src.pipeline.files import UserError
from src.pipeline.untrusted import shown

if TYPE_CHECKING:
    import optuna

Space = Mapping[str, Mapping[str, Mapping[str, list[Any]]]]  # by model, key and kind
GRAMMAR = "{log: [low, high]}, {uniform: [low, high]} or {choice: [value, value, ...]}"
SETTLED = {"epochs": "sweep.epochs", "replicas": "sweep.seeds"}  # keys that are the same in all trials
DIGITS = 3  # significant ones, of what is suggested: more would say nothing and be long to type


def check_space(space: Mapping[str, Any], blocks: Mapping[str, Any], check_block: Callable[[str, Any], object]) -> None:
    """Raises UserError unless every key is one of its model's block, and every value is one that the block may have.

    blocks: of the models. check_block: gets a model's name and a changed block, and raises UserError.
    """
    if not space:
        raise UserError("params.yaml: sweep.space: must have at least one model. Got none.")
    for model, scales in space.items():
        place = f"params.yaml: sweep.space.{model}"
        if model not in blocks:
            raise UserError(f"{place}: must be one of {', '.join(blocks)}.")
        if not isinstance(scales, dict) or not scales:
            raise UserError(f"{place}: must be keys of models.{model}, each with {GRAMMAR}. Got {shown(scales)}.")
        for key, scale in scales.items():
            if key in SETTLED:
                raise UserError(f"{place}.{key}: is the same in all trials: set {SETTLED[key]} instead.")
            if key not in blocks[model]:
                known = ", ".join(name for name in blocks[model] if name not in SETTLED)
                raise UserError(f"{place}: unknown key {shown(key)}. Known here: {known}.")
            for value in _ends(f"{place}.{key}", scale):
                check_block(model, blocks[model] | {key: value})


def _ends(place: str, scale: Any) -> list[Any]:
    """The choices, or the two ends as floats. Raises UserError for what the grammar does not know."""
    kind, values = next(iter(scale.items())) if isinstance(scale, dict) and len(scale) == 1 else (None, None)
    if kind not in ("log", "uniform", "choice") or not isinstance(values, list):
        raise UserError(f"{place}: must be {GRAMMAR}. Got {shown(scale)}.")
    if kind == "choice":
        if len(values) < 2 or any(value in values[:number] for number, value in enumerate(values)):
            raise UserError(f"{place}.choice: must be two or more different values. Got {shown(values)}.")
        return values
    numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if len(values) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1] or (kind == "log" and numbers[0] <= 0):
        above = ", both above 0" if kind == "log" else ""
        raise UserError(f"{place}.{kind}: must be a lower and a higher number{above}. Got {shown(values)}.")
    return [float(value) for value in numbers]


def point(space: Space, model: str, tunables: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as Optuna's parameters; without the values that lie outside the space, which Optuna could not take."""
    inside = {key: value for key, value in tunables.items() if _contains(space[model][key], value)}
    return {"model": model} | {f"{model}.{key}": value for key, value in inside.items()}


def _contains(scale: Mapping[str, list[Any]], value: Any) -> bool:
    if "choice" in scale:
        return value in scale["choice"]
    ((low, high),) = scale.values()
    return bool(low <= value <= high)


def suggest(trial: "optuna.Trial", space: Space, among: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """A model and values of its searched keys, as Optuna's sampler chooses them; `among`: of these parameters alone."""
    model = trial.suggest_categorical("model", list(space))
    names = {key: f"{model}.{key}" for key in space[model] if among is None or f"{model}.{key}" in among}
    return model, {key: _suggest_value(trial, name, space[model][key]) for key, name in names.items()}


def _suggest_value(trial: "optuna.Trial", name: str, scale: Mapping[str, list[Any]]) -> Any:
    """A value on a scale, rounded to three significant digits between its ends."""
    if "choice" in scale:
        return trial.suggest_categorical(name, scale["choice"])
    ((kind, (low, high)),) = scale.items()
    value = trial.suggest_float(name, low, high, log=kind == "log")
    return min(max(float(f"{value:.{DIGITS}g}"), float(low)), float(high))
