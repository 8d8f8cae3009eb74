from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from src.sweeping import search as module
from src.sweeping.records import Trial, opened
from src.sweeping.search import Suggestions, add_current, search, train_all
from src.sweeping.space import point
from tests.sweeping.example import finished, make, write_sets


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_sets(tmp_path)


def no_ray() -> Path:
    raise AssertionError("Ray is started")


def test_the_recipes_of_params_come_first_and_a_suggestion_is_on_the_disk_at_once(params: dict[str, Any]) -> None:
    plan = make(params)
    with opened(plan.key) as records:
        add_current(plan, records)
        known = records.search
        assert [(trial.model, trial.tunables) for trial in known] == [
            ("tiny", {"learning_rate": 0.001, "batch_size": 16}),
            ("other", {"learning_rate": 0.001}),
        ]
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
        for trial in known:
            study.enqueue_trial(point(plan.space, trial.model, trial.tunables))
        next_trial = Suggestions(plan, records)
        configs = [next_trial(study.ask())["trial"] for _ in range(4)]
    with opened(plan.key) as records:
        add_current(plan, records)  # they are there
        assert [trial.name for trial in records.search] == [f"trial-{number:03}" for number in range(4)]
        assert [Trial(**config) for config in configs] == records.search
        asked = [trial.params for trial in study.trials]
        assert asked[:2] == [point(plan.space, trial.model, trial.tunables) for trial in known]
        study = optuna.create_study()
        for trial in records.search:
            study.enqueue_trial(point(plan.space, trial.model, trial.tunables))
        again = Suggestions(plan, records)
        assert [again(study.ask())["trial"] for _ in range(4)] == configs
        assert again(study.ask())["trial"]["name"] == "trial-004"


def test_without_anything_to_train_ray_is_not_started(params: dict[str, Any]) -> None:
    plan = make(params, trials=2)
    with opened(plan.key) as records:
        for number, model in enumerate(plan.space):
            name, tunables = f"trial-{number:03}", plan.current(model)
            records.write(finished(name, model, tunables, dict.fromkeys(plan.search_seeds, 0.9)))
        search(plan, records, "0", no_ray)
        train_all(plan, records, "0", no_ray, records.search)
        with pytest.raises(AssertionError, match="Ray is started"):
            search(make(params, trials=3), records, "0", no_ray)
        records.trials["trial-001"].state = "unfinished"
        with pytest.raises(AssertionError, match="Ray is started"):
            search(plan, records, "0", no_ray)
        with pytest.raises(AssertionError, match="Ray is started"):
            train_all(plan, records, "0", no_ray, records.search)


def test_the_highest_accuracy_is_looked_for_and_the_lowest_is_pruned(
    params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {}
    monkeypatch.setattr(module, "_run", lambda *arguments, **given: settings.update(given))
    plan = make(params, trials=3)
    with opened(plan.key) as records:
        search(plan, records, "0", lambda: Path())
    sampler, pruner = settings["search_alg"], settings["scheduler"]
    assert (sampler.metric, sampler.mode) == ("score", "max")
    answers = []
    for trial_id, score in {"good": 0.9, "better": 0.95, "worst": 0.1}.items():
        trial: Any = SimpleNamespace(trial_id=trial_id)
        pruner.on_trial_add(None, trial)
        answers.append(pruner.on_trial_result(None, trial, {"n_rows": plan.min_epochs, "score": score}))
    assert answers == [pruner.CONTINUE, pruner.CONTINUE, pruner.STOP]
