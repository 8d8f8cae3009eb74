from pathlib import Path
from typing import Any

import pytest

from src.pipeline.files import UserError
from src.sweeping.plan import make_plan
from src.sweeping.records import Trial
from tests.sweeping.example import SETTINGS, make, params_of, write_sets

TRIAL = Trial("trial-002", "tiny", {"learning_rate": 0.002, "batch_size": 32}, [27, 28])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sets(tmp_path)


def test_a_recipe_is_the_block_with_the_trials_values(params: dict[str, Any]) -> None:
    plan = make(params)
    body = {"architecture": "cm1", "activation": "relu", "optimizer": "adam"}
    assert plan.recipe(TRIAL) == body | {"learning_rate": 0.002, "batch_size": 32, "epochs": 3}
    assert plan.current("tiny") == {"learning_rate": 0.001, "batch_size": 16}
    assert plan.search_seeds == [27, 28]


@pytest.mark.parametrize(
    ("concurrent", "threads", "each"), [(1, None, None), (1, 8, 8), (2, 8, 4), (3, 8, 2), (4, 2, 1)]
)
def test_trials_share_the_threads(params: dict[str, Any], concurrent: int, threads: int | None, each: int) -> None:
    assert make(params | {"threads": threads}, concurrent=concurrent).threads == each


@pytest.mark.parametrize(
    "change",
    [
        {"trials": 9, "minutes": 1, "fresh_seeds": 2, "confidence": 0.9},  # more of the same sweep
        {"seeds": 1},
        {"epochs": 4},
        {"min_epochs": 2},
        {"seed": 8},
        {"concurrent": 2},
        {"space": {"tiny": SETTINGS["space"]["tiny"]}},
    ],
)
def test_the_key_changes_with_the_trials_numbers_alone(params: dict[str, Any], change: dict[str, Any]) -> None:
    same = "trials" in change
    assert (make(params, **change).key == make(params).key) == same


def test_the_key_changes_with_the_recipe_the_data_and_the_params_of_all_trainings(params: dict[str, Any]) -> None:
    keys = [make(params).key]
    changed = params_of(params)
    changed["models"] = changed["models"] | {"other": changed["models"]["other"] | {"activation": "tanh"}}
    keys.append(make_plan(changed, **SETTINGS).key)
    keys += [make(params | {"seed": 28}).key, make(params | {"precision": "bfloat16"}).key]
    with Path("data/val.npz").open("ab") as file:
        file.write(b"\n")
    keys.append(make(params).key)
    assert len(set(keys)) == 5
    trainings = [make(params).training_key(TRIAL, seed) for seed in TRIAL.seeds]
    assert len({*trainings, keys[-1]}) == 3


def test_numbers_that_do_not_go_together_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="sweep.trials: must be at least 2, one for each model. Got 1."):
        make(params, trials=1)
    with pytest.raises(UserError, match="sweep.min_epochs: must be at most sweep.seeds times sweep.epochs, 6. Got 7."):
        make(params, min_epochs=7)
