"""What changed since another revision: the models, the verdict, the ties, the learning curves and params.yaml."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from src.comparison.model_rows import ModelRow
from src.comparison.pairs import Pair, compare_pairs
from src.comparison.runs import Run
from src.pipeline.yaml_files import read_yaml
from src.reporting.before import Before, EarlierModel, Epoch
from src.reporting.change_charts import changed_curves
from src.reporting.charts import embed_svg
from src.reporting.provenance import shown_value
from src.reporting.results import Results

ABSENT = "absent"  # in place of a param's value


class ModelChange(NamedTuple):
    """A model before and now, and the test of its present accuracy minus the earlier one, on the same test images.

    kind: `same` where all epochs and accuracies are equal.
    """

    kind: Literal["new", "removed", "changed", "same"]
    before: EarlierModel | None
    now: ModelRow | None
    test: Pair | None


class VerdictChange(NamedTuple):
    """Two models, and what was said of them before and is now; "" where one of them was or is not there."""

    models: tuple[str, str]
    before: str
    now: str


class ParamChange(NamedTuple):
    """A key of params.yaml with its values, as text."""

    key: str
    before: str
    now: str


@dataclass(frozen=True)
class Changes:
    """What changed since a revision. curves: the chart of learning curves that changed, an SVG element, or ""."""

    before: Before
    models: Mapping[str, ModelChange]
    verdicts: list[VerdictChange]
    params: list[ParamChange]
    confidence: float
    curves: str


def model_changes(
    before: Before,
    models: Mapping[str, ModelRow],
    runs: Mapping[str, Sequence[Run]],
    *,
    confidence: float,
    min_seeds: int,
    margin: float,
) -> dict[str, ModelChange]:
    """Each model of now, then each that is gone. The tests have Bonferroni's correction for their number."""
    kinds = {model: _kind(before, model, row, runs[model]) for model, row in models.items()}
    pairs = {
        model: _same_seeds(runs[model], before.histories[model], before.correct[model])
        for model, kind in kinds.items()
        if kind == "changed" and model in before.correct
    }
    pairs = {model: pair for model, pair in pairs.items() if len(pair["now"])}
    alpha = (1 - confidence) / max(len(pairs), 1)
    tests = {
        model: compare_pairs(pair, confidence=1 - alpha, min_seeds=min_seeds, margin=margin)[0]
        for model, pair in pairs.items()
    }
    changes = {
        model: ModelChange(kinds[model], before.models.get(model), row, tests.get(model))
        for model, row in models.items()
    }
    gone = {
        model: ModelChange("removed", row, None, None) for model, row in before.models.items() if model not in models
    }
    return changes | gone


def _kind(before: Before, model: str, row: ModelRow, runs: Sequence[Run]) -> Literal["new", "changed", "same"]:
    """How a model of now is related to what was before."""
    if model not in before.models:
        return "new"
    now: list[Epoch] = [
        {"seed": run.seed, "epoch": int(epoch), "val_loss": val_loss, "val_accuracy": val_accuracy}
        for run in runs
        for epoch, val_loss, val_accuracy in zip(
            *(run.history[column] for column in ("epoch", "val_loss", "val_accuracy")), strict=True
        )
    ]
    earlier = before.models[model]
    same = now == before.histories[model] and row["test_mean"] == earlier["test_mean"]
    return "same" if same and row["test_accuracy"] == earlier["test_accuracy"] else "changed"


def _same_seeds(runs: Sequence[Run], history: Sequence[Epoch], correct: np.ndarray) -> dict[str, np.ndarray]:
    """What was classified correctly now and before, (seeds, n) bool each, from the seeds that both have."""
    places = {seed: place for place, seed in enumerate(dict.fromkeys(row["seed"] for row in history))}
    common = [run for run in runs if run.seed in places]
    now = np.array([run.correct["test"] for run in common])
    return {"now": now, "before": correct[[places[run.seed] for run in common]]}


def verdict_changes(before: Sequence[Pair], now: Sequence[Pair]) -> list[VerdictChange]:
    """The pairs of models of which something else is said than before; either model may stand first."""
    old, new = ({frozenset((row["model_a"], row["model_b"])): row for row in pairs} for pairs in (before, now))
    changes = [
        VerdictChange(
            (row["model_a"], row["model_b"]),
            *(rows[models]["verdict"] if models in rows else "" for rows in (old, new)),
        )
        for models, row in {**old, **new}.items()
    ]
    return [change for change in changes if change.before != change.now]


def param_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[ParamChange]:
    """The keys of params.yaml that have another value, or are only in one of them; folders are compared, not shown."""
    old, new = dict(_flat(before)), dict(_flat(now))
    changed = [key for key in {**old, **new} if str(old.get(key, ABSENT)) != str(new.get(key, ABSENT))]
    return [ParamChange(key, *(_in_words(key, values) for values in (old, new))) for key in changed]


def _in_words(key: str, values: Mapping[str, Any]) -> str:
    """What the page shows of a key's value."""
    value = shown_value(key, values[key]) if key in values else ABSENT
    return "null" if value is None else str(value)


def _flat(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a block with their whole keys: `models.cm1.epochs`."""
    for key, value in block.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def build_changes(
    before: Before, results: Results, runs: Mapping[str, Sequence[Run]], params: Mapping[str, Any]
) -> Changes:
    """What changed since then. params: checked, for the rules; what was written is read from params.yaml."""
    block = params["compare"]
    rule = {key: block[key] for key in ("confidence", "min_seeds", "margin")}
    models = model_changes(before, results.models, runs, **rule)
    return Changes(
        before=before,
        models=models,
        verdicts=verdict_changes(before.pairs, results.pairs),
        params=param_changes(before.params, read_yaml("params.yaml")),
        confidence=block["confidence"],
        curves=_draw_curves(before, {model: runs[model] for model, row in models.items() if row.kind == "changed"}),
    )


def _draw_curves(before: Before, runs: Mapping[str, Sequence[Run]]) -> str:
    """The chart of these models, an SVG element; "" of none."""
    if not runs:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "changes.svg")
        changed_curves(str(path), before.histories, runs)
        return embed_svg(path.read_text(encoding="utf-8"), "changes")
