import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.comparison.pairs import compare_pairs
from src.comparison.runs import Run
from src.reporting import changes as module
from src.reporting.before import Before
from src.reporting.changes import build_changes, model_changes, param_changes, verdict_changes
from src.reporting.provenance import HIDDEN
from tests.comparison.example import example_run

RULE: dict[str, Any] = {"confidence": 0.95, "min_seeds": 5, "margin": 0.005}
N = {"train": 40, "val": 40, "test": 400}


def run(model: str, seed: int, errors: int, val_accuracy: Sequence[float] = (0.8, 0.9)) -> Run:
    return example_run(model, seed, n=N, errors={"train": 1, "val": 2, "test": errors}, val_accuracy=val_accuracy)


def rows(runs: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """What of models.csv counts here."""
    return {
        model: {
            "model": model,
            "test_accuracy": seeds[0].accuracy["test"],
            "test_mean": float(np.mean([seed.accuracy["test"] for seed in seeds])),
        }
        for model, seeds in runs.items()
    }


def before(runs: Mapping[str, Sequence[Run]], without: Sequence[str] = ()) -> Before:
    """What was before, as git and DVC had it; `without` the predictions of some models."""
    return Before(
        revision="v1",
        best="a",
        models=rows(runs),
        pairs=[],
        histories={
            model: [
                {"seed": seed.seed, "epoch": int(epoch), "val_loss": loss, "val_accuracy": accuracy}
                for seed in seeds
                for epoch, loss, accuracy in zip(
                    seed.history["epoch"], seed.history["val_loss"], seed.history["val_accuracy"], strict=True
                )
            ]
            for model, seeds in runs.items()
        },
        params={},
        correct={
            model: np.array([seed.correct["test"] for seed in seeds])
            for model, seeds in runs.items()
            if model not in without
        },
    )


def test_models_are_the_same_changed_new_or_removed() -> None:
    old = {"same": [run("same", 1, 40)], "other": [run("other", 1, 40)], "gone": [run("gone", 1, 40)]}
    new = {"same": old["same"], "other": [run("other", 1, 90, (0.8, 0.7))], "added": [run("added", 1, 40)]}
    found = model_changes(before(old), rows(new), new, **RULE)
    assert {model: change.kind for model, change in found.items()} == {
        "same": "same",
        "other": "changed",
        "added": "new",
        "gone": "removed",
    }
    assert [(change.before is None, change.now is None) for change in found.values()] == [
        *((False, False), (False, False), (True, False), (False, True))
    ]
    assert [model for model, change in found.items() if change.test] == ["other"]


def test_equal_accuracies_after_other_epochs_are_a_change() -> None:
    old, new = {"a": [run("a", 1, 40)]}, {"a": [run("a", 1, 40, (0.7, 0.9))]}
    assert model_changes(before(old), rows(new), new, **RULE)["a"].kind == "changed"


def test_a_change_is_tested_as_a_pair_of_models_at_its_share_of_the_level() -> None:
    old = {name: [run(name, seed, 60 + seed) for seed in range(5)] for name in "ab"}
    new = {name: [run(name, seed, 40 + 2 * seed, (0.1, 0.2)) for seed in range(5)] for name in "ab"}
    found = model_changes(before(old), rows(new), new, **RULE)
    pair = {"now": np.array([r.correct["test"] for r in new["a"]]), "before": before(old).correct["a"]}
    (expected,) = compare_pairs(pair, confidence=0.975, min_seeds=5, margin=0.005)
    assert found["a"].test == expected
    assert expected["seeds_difference"] == pytest.approx((60 + 2 - 40 - 4) / 400)
    assert expected["verdict"] == "different"


def test_only_seeds_of_both_are_paired() -> None:
    old = {"a": [run("a", 1, 60), run("a", 2, 80)]}
    new = {"a": [run("a", 2, 40, (0.1, 0.2)), run("a", 3, 20, (0.1, 0.2))]}
    test = model_changes(before(old), rows(new), new, **RULE)["a"].test
    assert test is not None
    assert (test["n_seeds"], test["difference"]) == (1, pytest.approx((80 - 40) / 400))
    new = {"a": [run("a", 9, 40, (0.1, 0.2))]}
    assert model_changes(before(old), rows(new), new, **RULE)["a"].test is None


def test_without_the_earlier_predictions_nothing_is_tested() -> None:
    old, new = {"a": [run("a", 1, 40)]}, {"a": [run("a", 1, 90, (0.8, 0.7))]}
    change = model_changes(before(old, without=["a"]), rows(new), new, **RULE)["a"]
    assert (change.kind, change.test) == ("changed", None)


def pair(a: str, b: str, verdict: str) -> Any:
    return {"model_a": a, "model_b": b, "verdict": verdict}


def test_pairs_of_which_something_else_is_said_are_listed() -> None:
    old = [pair("a", "b", "different"), pair("a", "c", "undecided"), pair("b", "c", "equivalent")]
    new = [pair("a", "b", "different"), pair("a", "c", "different"), pair("a", "d", "equivalent")]
    assert verdict_changes(old, new) == [
        (("a", "c"), "undecided", "different"),
        (("b", "c"), "equivalent", ""),
        (("a", "d"), "", "equivalent"),
    ]


def test_models_in_another_order_are_no_other_verdict() -> None:
    old = [pair("a", "b", "different"), pair("a", "c", "undecided")]
    new = [pair("b", "a", "different"), pair("c", "a", "equivalent")]
    assert verdict_changes(old, new) == [(("c", "a"), "undecided", "equivalent")]


def test_params_are_compared_by_their_whole_keys() -> None:
    old = {"seed": 27, "epochs": None, "models": {"a": {"epochs": 3, "rate": 0.1}}}
    new = {"seed": 27, "epochs": 2, "models": {"a": {"epochs": 4}, "b": {"epochs": 1}}}
    assert param_changes(old, new) == [
        ("epochs", "null", "2"),
        ("models.a.epochs", "3", "4"),
        ("models.a.rate", "0.1", "absent"),
        ("models.b.epochs", "absent", "1"),
    ]


def test_of_folders_only_the_change_is_shown() -> None:
    old = {"fetch": {"folder": None, "public": "/home/a"}}
    new = {"fetch": {"folder": "/home/b", "public": "/home/c"}}
    assert param_changes(old, new) == [("fetch.folder", "null", HIDDEN), ("fetch.public", HIDDEN, HIDDEN)]
    assert param_changes(new, {}) == [("fetch.folder", HIDDEN, "absent"), ("fetch.public", HIDDEN, "absent")]


def test_changed_models_have_their_curves_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"a": [run("a", 1, 40)], "b": [run("b", 1, 40)]}
    drawn: list[list[str]] = []

    def draw(path: str, histories: Any, runs: Mapping[str, Any]) -> None:
        drawn.append(list(runs))
        Path(path).write_text("<svg><title>Curves</title></svg>", encoding="utf-8")

    monkeypatch.setattr(module, "changed_curves", draw)
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("perplexity: 30\nseed: 2\n", encoding="utf-8")
    results: Any = dataclasses.make_dataclass("Results", ["models", "pairs"])
    params = {"compare": RULE, "perplexity": 30.0}  # as it is checked
    new = {"a": [run("a", 1, 40)], "b": [run("b", 1, 90, (0.8, 0.7))]}
    found = build_changes(before(old), results(rows(new), []), new, params)
    assert found.params == [("perplexity", "absent", "30"), ("seed", "absent", "2")]
    assert (drawn, found.curves) == ([["b"]], '<svg role="img" aria-label="Curves"></svg>')
    assert build_changes(before(old), results(rows(old), []), old, params).curves == ""
