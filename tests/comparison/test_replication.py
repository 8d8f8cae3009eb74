import gc
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from src.comparison.published import Published
from src.comparison.replication import Replicated, replicate, summarise
from src.comparison.runs import Run
from tests.comparison.example import RECIPE, example_run

SIMULATED = 1000


def curves(val_accuracy: list[float]) -> dict[str, list[float]]:
    """All four curves from one, each another function of it."""
    return {
        "epoch": [float(epoch) for epoch in range(1, len(val_accuracy) + 1)],
        "loss": [1.1 * (1 - value) for value in val_accuracy],
        "accuracy": [0.98 * value for value in val_accuracy],
        "val_loss": [1 - value for value in val_accuracy],
        "val_accuracy": val_accuracy,
    }


def published(val_accuracy: list[float], test_accuracy: float | None = None) -> Published:
    """What the notebook would have printed of model a, with curves from its validation accuracy."""
    columns = curves(val_accuracy)
    history = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    test = {} if test_accuracy is None else {"test_accuracy": test_accuracy}
    return {
        "test_label_counts": {},
        "models": {"a": {"recipe": RECIPE, "history": history, **test}},  # type: ignore[typeddict-item]
        "claims": {},
    }


def run(seed: int, val_accuracy: list[float], errors: int = 40) -> Run:
    """A run of model a with these curves, and so many errors on 400 test images."""
    like = example_run("a", seed, errors={"train": 10, "val": 20, "test": errors})
    return replace(like, history=curves(val_accuracy))


def row(rows: list[Replicated], split: str, measure: str, epoch: int) -> Replicated:
    return next(row for row in rows if (row["split"], row["measure"], row["epoch"]) == (split, measure, epoch))


def test_the_interval_is_that_of_one_more_run() -> None:
    runs = {"a": [run(27, [0.5, 0.80]), run(28, [0.5, 0.82]), run(29, [0.5, 0.84])]}
    rows = replicate(runs, {"a": published([0.5, 0.90])}, 0.95)
    last = row(rows, "validation", "accuracy", 2)
    half = stats.t.ppf(0.975, 2) * 0.02 * math.sqrt(4 / 3)  # three values whose standard deviation is 0.02
    assert last["n_seeds"] == 3
    assert last["mean"] == pytest.approx(0.82)
    assert (last["low"], last["high"]) == pytest.approx((0.82 - half, 0.82 + half), abs=1e-5)
    assert last["t"] == pytest.approx(0.08 / (0.02 * math.sqrt(4 / 3)), abs=1e-4)
    assert last["p"] == pytest.approx(2 * stats.t.sf(last["t"], 2), abs=1e-5)


def test_equal_seeds_leave_the_rounding_of_the_published_number() -> None:
    runs = {"a": [run(27, [0.5]), run(28, [0.5])]}
    assert row(replicate(runs, {"a": published([0.5])}, 0.95), "validation", "accuracy", 1)["t"] == 0
    assert row(replicate(runs, {"a": published([0.6])}, 0.95), "validation", "accuracy", 1)["p"] < 1e-3


def test_losses_and_the_test_accuracy_have_rows_as_well() -> None:
    runs = {"a": [run(27, [0.5, 0.8], errors=40), run(28, [0.5, 0.9], errors=60)]}
    rows = replicate(runs, {"a": published([0.4, 0.7], test_accuracy=0.9)}, 0.95)
    assert len(rows) == 2 * 2 * 2 + 1
    assert row(rows, "training", "loss", 2)["mean"] == pytest.approx(1.1 * 0.15)
    test = row(rows, "test", "accuracy", 2)
    assert (test["mean"], test["published"]) == (0.875, 0.9)


def test_one_seed_and_models_without_published_numbers_have_no_rows() -> None:
    one, two = [run(27, [0.5])], [run(27, [0.5]), run(28, [0.6])]
    assert replicate({"a": one}, {"a": published([0.5])}, 0.95) == []
    assert replicate({"a": two}, {"a": None}, 0.95) == []
    assert replicate({"a": two}, {"a": published([]) | {"models": {}}}, 0.95) == []


def test_a_model_is_summarised_by_the_number_that_is_furthest_away() -> None:
    runs = {"a": [run(seed, [0.5, 0.8 + seed / 1000]) for seed in range(5)]}
    rows = replicate(runs, {"a": published([0.5, 0.9])}, 0.95)
    (summary,) = summarise(rows)
    assert (summary["model"], summary["n_seeds"], summary["n_published"], summary["n_inside"]) == ("a", 5, 8, 4)
    assert summary["furthest"]["epoch"] == 2
    assert summary["p_holm"] == min(row["p_holm"] for row in rows) < 0.01


@pytest.mark.parametrize("autocorrelation", [0.0, 0.7])
def test_a_seed_like_ours_is_seldom_said_to_differ(autocorrelation: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "collect", lambda: 0)  # which statsmodels calls each time, for 0.1 s
    rng, wrong, epochs, seeds = np.random.default_rng(0), 0, 10, 6
    like = [run(seed, [0.8]) for seed in range(seeds - 1)]
    for _ in range(SIMULATED):
        noise = rng.normal(0, 0.01, (seeds, epochs))
        for epoch in range(1, epochs):
            noise[:, epoch] = (
                autocorrelation * noise[:, epoch - 1] + math.sqrt(1 - autocorrelation**2) * noise[:, epoch]
            )
        published_one, *ours = (0.8 + noise).tolist()
        runs = {"a": [replace(run, history=curves(curve)) for run, curve in zip(like, ours, strict=True)]}
        wrong += summarise(replicate(runs, {"a": published(published_one)}, 0.95))[0]["p_holm"] < 0.05
    assert wrong / SIMULATED < 0.05


def test_another_recipe_is_said_to_differ() -> None:
    rng = np.random.default_rng(0)
    runs = {"a": [run(seed, (0.8 + rng.normal(0, 0.002, 10)).tolist()) for seed in range(5)]}
    assert summarise(replicate(runs, {"a": published([0.83] * 10)}, 0.95))[0]["p_holm"] < 0.05
