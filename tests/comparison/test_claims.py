from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from src.comparison.claims import Rule, check_claims, decide
from src.comparison.measures import MEASURES
from src.comparison.published import Published
from src.comparison.runs import Run
from src.pipeline.files import read_json
from tests.comparison.example import RECIPE, example_run

RULE = Rule(confidence=0.95, min_seeds=5, margin=0.005)


def published(models: list[str], measure: str, kind: Any = "above", may_differ: tuple[str, ...] = ()) -> Published:
    """Published claims with a single one, about these models."""
    claim: Any = {"statement": "It holds", "scope": "after {epochs} epochs", "measure": measure, "models": models}
    claim |= {"kind": kind, "may_differ": list(may_differ)}
    return {"test_label_counts": {}, "models": {}, "claims": {"it": claim}}


def checked(runs: dict[str, list[Run]], claims: Published) -> Any:
    (claim,) = check_claims(runs, claims, RULE)
    return claim


@pytest.mark.parametrize(
    ("kind", "interval", "verdict"),
    [
        ("above", (0.1, 0.3), "confirmed"),
        ("above", (-0.3, -0.1), "refuted"),
        ("above", (-0.1, 0.3), "undecided"),
        ("above", (0.0, 0.0), "undecided"),
        ("below", (-0.3, -0.1), "confirmed"),
        ("below", (0.1, 0.3), "refuted"),
        ("equivalent", (-0.2, 0.4), "confirmed"),
        ("equivalent", (0.1, 0.6), "undecided"),
        ("equivalent", (0.6, 0.7), "refuted"),
        ("equivalent", (-0.9, -0.6), "refuted"),
        ("equivalent", (-0.9, 0.9), "undecided"),
    ],
)
def test_the_interval_decides(kind: str, interval: tuple[float, float], verdict: str) -> None:
    assert decide(kind, interval, 0.5) == verdict


def test_five_seeds_decide_by_the_t_interval_of_scipy() -> None:
    falls = [0.02, 0.03, 0.025, 0.01, 0.018]
    runs = [
        example_run(seed=i, val_loss=[1 - f * e for e in range(6)], val_accuracy=[0.9] * 6) for i, f in enumerate(falls)
    ]
    claim = checked({"a": runs}, published(["a"], "val_loss_slope", "below"))
    expected = stats.ttest_1samp([-fall for fall in falls], 0).confidence_interval(0.95)
    assert (claim["ci_low"], claim["ci_high"]) == pytest.approx(tuple(expected), abs=1e-6)
    assert claim["values"] == [-0.02, -0.03, -0.025, -0.01, -0.018]
    assert (claim["value"], claim["verdict"], claim["reason"]) == (-0.0206, "confirmed", "over 5 seeds")
    assert claim["scope"] == "after 6 epochs"


def test_one_seed_decides_where_the_run_alone_tells_an_error() -> None:
    losses = [0.9, 0.8, 0.701, 0.6, 0.5, 0.399]
    claim = checked(
        {"a": [example_run(val_loss=losses, val_accuracy=[0.9] * 6)]}, published(["a"], "val_loss_slope", "below")
    )
    assert (claim["verdict"], claim["reason"]) == ("confirmed", "for seed 27 alone")
    pair = {"a": [example_run("a")], "b": [example_run("b", train_seconds=20.0)]}
    claim = checked(pair, published(["a", "b"], "epoch_seconds"))
    assert (claim["verdict"], claim["value"], claim["ci_low"]) == ("undecided", 20.0, None)
    assert claim["reason"] == "5 seeds are needed, there are 1"


def test_too_few_epochs_give_no_value() -> None:
    claim = checked({"a": [example_run()]}, published(["a"], "val_loss_slope"))
    assert (claim["verdict"], claim["value"], claim["values"]) == ("not applicable", None, [])
    assert claim["reason"] == "4 epochs are needed, there are 2"


def test_models_that_differ_in_more_than_the_claim_is_about_are_not_compared() -> None:
    other = example_run("b", recipe={"optimizer": "sgd", "dropout": 0.5}, val_loss=[1.0] * 3, val_accuracy=[0.5] * 3)
    runs = {"a": [example_run("a")], "b": [other]}
    claim = checked(runs, published(["a", "b"], "generalization_gap", may_differ=("optimizer",)))
    assert (claim["verdict"], claim["value"]) == ("not comparable", None)
    assert claim["reason"] == "a and b also differ in epochs, dropout"
    allowed = published(["a", "b"], "generalization_gap", may_differ=("optimizer", "epochs", "dropout"))
    assert checked(runs, allowed)["verdict"] == "undecided"


def test_a_recipe_that_is_not_the_notebooks_is_not_compared() -> None:
    claims = published(["a"], "val_loss_slope")
    claims["models"]["a"] = {"recipe": RECIPE | {"epochs": 50}}
    claim = checked({"a": [example_run(val_loss=[1.0] * 5, val_accuracy=[0.5] * 5)]}, claims)
    assert (claim["verdict"], claim["reason"]) == ("not comparable", "a has epochs 5, in the notebook 50")


def test_models_are_equivalent_only_within_the_margin() -> None:
    for shift, verdict in ((0.0, "confirmed"), (0.005, "undecided"), (0.02, "refuted")):
        noise = (0.001, -0.001, 0.0, 0.0005, -0.0005)
        ours = [example_run("a", seed, val_accuracy=[0.8, 0.9 + shift + e]) for seed, e in enumerate(noise)]
        theirs = [example_run("b", seed, val_accuracy=[0.8, 0.9]) for seed in range(5)]
        claim = checked({"a": ours, "b": theirs}, published(["a", "b"], "val_accuracy", "equivalent"))
        assert (claim["verdict"], claim["ci_level"], claim["margin"]) == (verdict, 0.9, 0.005)


def test_the_notebooks_own_curve_is_held_against_its_claim() -> None:
    claims = published(["a"], "val_loss_slope", "above")
    rows = [
        {"epoch": e, "loss": 1.0, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.8}
        for e, loss in enumerate([0.9, 0.8, 0.7, 0.6, 0.5, 0.401])
    ]
    claims["models"]["a"] = {"history": rows}
    claim = checked({"a": [example_run(val_loss=[0.5] * 6, val_accuracy=[0.8] * 6)]}, claims)
    assert (claim["published_value"], claim["published_verdict"]) == (pytest.approx(-0.0997), "refuted")
    assert claim["verdict"] == "undecided"


def test_claims_about_models_without_runs_are_left_out() -> None:
    assert check_claims({"a": [example_run()]}, published(["a", "b"], "val_accuracy"), RULE) == []


def test_the_published_claims_are_well_formed() -> None:
    claims = read_json(Path(__file__).parents[2] / "data/published.json")["claims"]
    assert claims
    for claim in claims.values():
        assert claim["measure"] in MEASURES
        assert claim["kind"] in ("above", "below", "equivalent")
        assert claim["scope"].format(epochs=3)
