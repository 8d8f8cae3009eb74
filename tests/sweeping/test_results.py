from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from src.params import read_params
from src.sweeping.plan import Plan, make_plan
from src.sweeping.records import Records, Trial
from src.sweeping.results import adoption, find_winner, fresh_trials, in_words, judge, table
from tests.sweeping.example import SETTINGS, finished, make, params_of, row

CURRENT = {"learning_rate": 0.001, "batch_size": 16}
BETTER = {"learning_rate": 0.002, "batch_size": 32}


@pytest.fixture
def plan(params: dict[str, Any]) -> Plan:
    return make(params)


@pytest.fixture
def trials() -> list[Trial]:
    return [
        finished("trial-000", "tiny", CURRENT, {27: 0.8, 28: 0.7}),
        Trial("trial-001", "other", {"learning_rate": 0.005}, [27, 28], "pruned", [row(27, 1, 0.99)]),
        finished("trial-002", "tiny", BETTER, {27: 0.9, 28: 0.8}),
        finished("trial-003", "tiny", {**BETTER, "learning_rate": 0.003}, {27: 0.8, 28: 0.9}),
        Trial("trial-004", "tiny", BETTER, [27, 28]),
    ]


def records_with(folder: Path, plan: Plan, winner: Trial, accuracies: list[float]) -> Records:
    """Records with the fresh trainings of a winner."""
    records = Records(folder)
    for trial, accuracy in zip(fresh_trials(plan, winner), accuracies, strict=True):
        records.write(finished(trial.name, trial.model, trial.tunables, {trial.seeds[0]: accuracy}))
    return records


def test_the_table_has_every_trial_with_its_seeds_and_how_far_it_came(plan: Plan, trials: list[Trial]) -> None:
    rows = table(plan, trials)
    assert rows[0] == {
        "trial": "trial-000",
        "model": "tiny",
        "learning_rate": 0.001,
        "batch_size": 16,
        "val_accuracy_27": 0.8,
        "val_accuracy_28": 0.7,
        "val_accuracy": 0.75,
        "epochs_trained": 6,
        "state": "finished",
        "train_seconds": 9,
    }
    assert (rows[1]["batch_size"], rows[1]["val_accuracy_28"], rows[1]["state"]) == (None, None, "pruned")
    assert (rows[4]["val_accuracy"], rows[4]["epochs_trained"], rows[4]["state"]) == (None, 0, "unfinished")


def test_the_winner_is_the_first_of_the_best_that_are_finished(plan: Plan, trials: list[Trial]) -> None:
    assert find_winner(plan, trials) is trials[2]
    assert find_winner(plan, trials[1:2]) is None


def test_fresh_seeds_chose_nothing_and_train_the_winner_and_the_recipe(plan: Plan, trials: list[Trial]) -> None:
    fresh = fresh_trials(plan, trials[2])
    names = [*(f"winner-002-{seed}" for seed in (29, 30, 31)), *(f"current-tiny-{seed}" for seed in (29, 30, 31))]
    assert [trial.name for trial in fresh] == names
    assert not {seed for trial in fresh for seed in trial.seeds} & set(plan.search_seeds)
    assert [trial.tunables for trial in fresh] == [BETTER] * 3 + [CURRENT] * 3
    assert [trial.name for trial in fresh_trials(plan, trials[0])] == names[3:]


def test_the_intervals_are_students_and_the_difference_is_paired(
    tmp_path: Path, plan: Plan, trials: list[Trial]
) -> None:
    ours, current = [0.91, 0.92, 0.93], [0.90, 0.905, 0.925]
    verdict = judge(plan, trials[2], records_with(tmp_path, plan, trials[2], ours + current))
    expected = stats.t.interval(0.95, 2, stats.tmean(ours), stats.sem(ours))
    assert verdict["interval"] == pytest.approx(expected, abs=1e-6)
    paired = stats.ttest_rel(ours, current).confidence_interval(0.95)
    assert verdict["difference_interval"] == pytest.approx(tuple(paired), abs=1e-6)
    assert (verdict["search_val_accuracy"], verdict["val_accuracy"]) == (0.85, 0.92)
    assert not verdict["better"]
    assert "the winner is no better." in in_words(verdict)
    assert "to adopt it all the same: dvc exp run -S" in in_words(verdict)


def test_a_winner_that_is_better_says_so(tmp_path: Path, plan: Plan, trials: list[Trial]) -> None:
    records = records_with(tmp_path, plan, trials[2], [0.91, 0.92, 0.93, 0.81, 0.82, 0.83])
    verdict = judge(plan, trials[2], records)
    assert verdict["better"]
    assert "the winner is better." in in_words(verdict)
    assert "to adopt it: dvc exp run -S" in in_words(verdict)


def test_the_recipe_itself_may_win(tmp_path: Path, plan: Plan, trials: list[Trial]) -> None:
    records = records_with(tmp_path, plan, trials[0], [0.8, 0.9, 0.7])
    verdict = judge(plan, trials[0], records)
    assert (verdict["adopt"], verdict["better"]) == (None, False)
    assert verdict["val_accuracy"] == verdict["current_val_accuracy"] == pytest.approx(0.8)
    assert "nothing better was found" in in_words(verdict)


def test_the_command_names_what_differs_and_the_epochs(params: dict[str, Any], plan: Plan, trials: list[Trial]) -> None:
    assert adoption(plan, trials[2]) == (
        "dvc exp run -S models.tiny.learning_rate=0.002 -S models.tiny.batch_size=32 -S models.tiny.epochs=3"
    )
    for_all = make_plan(params_of(params) | {"epochs": 9}, **SETTINGS)
    assert str(adoption(for_all, trials[2])).endswith(" -S epochs=3")
    same = make_plan(params_of(params), **SETTINGS | {"epochs": 2})
    assert "epochs" not in str(adoption(same, trials[2]))


def test_the_command_sets_the_recipe_that_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], plan: Plan, trials: list[Trial]
) -> None:
    from dvc.utils.hydra import apply_overrides

    path = tmp_path / "params.yaml"
    path.write_text((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    apply_overrides(path, ["models.cm4.learning_rate=5e-05", "models.cm4.batch_size=250", "models.cm4.epochs=2"])
    cm4 = read_params(str(path))["models"]["cm4"]
    assert (cm4["learning_rate"], cm4["batch_size"], cm4["epochs"]) == (5e-05, 250, 2)
