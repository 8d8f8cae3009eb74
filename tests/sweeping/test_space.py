from typing import Any

import optuna
import pytest

from src.params import validate_model
from src.pipeline.files import UserError
from src.sweeping.space import check_space, point, suggest

SPACE: dict[str, Any] = {
    "cm4": {
        "learning_rate": {"log": [0.0003, 0.01]},
        "dropout_conv2": {"uniform": [0, 0.9999]},
        "batch_size": {"choice": [125, 500]},
    },
    "cnn1": {"activation": {"choice": ["relu", "elu"]}},
}


def check(params: dict[str, Any], space: Any) -> None:
    check_space(space, params["models"], lambda model, block: validate_model(model, block, "sweep.space"))


def test_the_committed_space_and_all_its_kinds_pass(params: dict[str, Any]) -> None:
    check(params, params["sweep"]["space"])
    check(params, SPACE)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "sweep.space: must have at least one model. Got none."),
        ({"cm9": {"learning_rate": {"log": [1e-4, 1e-2]}}}, "sweep.space.cm9: must be one of cm1, cnn1, "),
        ({"cm4": {}}, "sweep.space.cm4: must be keys of models.cm4, each with {log: [low, high]}, "),
        ({"cm4": {"learning_rat": {"log": [1e-4, 1e-2]}}}, "sweep.space.cm4: unknown key 'learning_rat'. Known here: "),
        ({"cm4": {"epochs": {"choice": [1, 2]}}}, "cm4.epochs: is the same in all trials: set sweep.epochs instead."),
        ({"cm4": {"replicas": {"choice": [1, 2]}}}, "set sweep.seeds instead."),
        ({"cm4": {"learning_rate": [1e-4, 1e-2]}}, "cm4.learning_rate: must be {log: [low, high]}, "),
        ({"cm4": {"learning_rate": {"lgo": [1e-4, 1e-2]}}}, "cm4.learning_rate: must be {log: [low, high]}, "),
        ({"cm4": {"learning_rate": {"log": 3}}}, "cm4.learning_rate: must be {log: [low, high]}, "),
        ({"cm4": {"learning_rate": {"log": [0, 1]}}}, "log: must be a lower and a higher number, both above 0. Got"),
        ({"cm4": {"learning_rate": {"log": [1e-2, 1e-4]}}}, "log: must be a lower and a higher number"),
        ({"cm4": {"dropout_conv2": {"uniform": [0.1]}}}, "uniform: must be a lower and a higher number. Got [0.1]."),
        ({"cm4": {"dropout_conv2": {"uniform": [0, float("nan")]}}}, "uniform: must be a lower and a higher number."),
        ({"cm4": {"dropout_conv2": {"uniform": [0, 1]}}}, "sweep.space.cm4.dropout_conv2: must be a number in [0, 1)."),
        ({"cm4": {"batch_size": {"uniform": [100, 500]}}}, "cm4.batch_size: must be an integer in [1, inf). Got 100.0"),
        ({"cm4": {"batch_size": {"choice": [500]}}}, "choice: must be two or more different values. Got [500]."),
        ({"cm4": {"batch_size": {"choice": [500, 500]}}}, "choice: must be two or more different values."),
        ({"cm4": {"batch_size": {"choice": [500, 0]}}}, "cm4.batch_size: must be an integer in [1, inf). Got 0."),
        ({"cm4": {"activation": {"choice": ["relu", "gelu"]}}}, "cm4.activation: must be one of relu, leaky_relu, "),
    ],
)
def test_what_no_recipe_may_have_is_refused_in_one_line(params: dict[str, Any], space: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        check(params, space)
    assert str(error.value).startswith("params.yaml: sweep.space")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_values_are_suggested_from_the_whole_space_in_three_digits() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    suggested = [suggest(study.ask(), SPACE) for _ in range(60)]
    assert {model for model, _ in suggested} == {"cm4", "cnn1"}
    ours = [tunables for model, tunables in suggested if model == "cm4"]
    assert all(set(tunables) == set(SPACE["cm4"]) for tunables in ours)
    rates = [tunables["learning_rate"] for tunables in ours]
    assert all(0.0003 <= rate <= 0.01 and rate == float(f"{rate:.3g}") for rate in rates)
    assert sum(rate < 0.0017 for rate in rates) == pytest.approx(len(rates) / 2, abs=len(rates) / 5)  # in its middle
    assert {tunables["batch_size"] for tunables in ours} == {125, 500}


def test_rounding_never_leaves_the_space() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"model": "cm4", "cm4.dropout_conv2": 0.9998})
    assert suggest(study.ask(), SPACE)[1]["dropout_conv2"] == 0.9999


def test_a_recipe_outside_the_space_is_told_to_the_sampler_without_what_it_cannot_take() -> None:
    recipe = {"learning_rate": 0.1, "dropout_conv2": 0.3, "batch_size": 300}
    among = point(SPACE, "cm4", recipe)
    assert among == {"model": "cm4", "cm4.dropout_conv2": 0.3}
    study = optuna.create_study()
    study.enqueue_trial(among)
    trial = study.ask()
    assert suggest(trial, SPACE, among) == ("cm4", {"dropout_conv2": 0.3})
    assert set(trial.params) == {"model", "cm4.dropout_conv2"}
