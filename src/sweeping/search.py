"""The search: Ray Tune runs the trials, Optuna's sampler suggests them, and ASHA prunes them.

An interrupted sweep goes on by being played again: the trials that are known are suggested first, and report what is
known of them at once. `Tuner.restore` would forget ASHA's rungs and up to ten seconds of trials, and reads pickles.
"""

import functools
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.pipeline.files import UserError
from src.sweeping.observer import Observer
from src.sweeping.plan import Plan
from src.sweeping.records import ENDED, Records, Trial
from src.sweeping.space import point, suggest
from src.sweeping.worker import run_trial

if TYPE_CHECKING:
    import optuna

REDUCTION = 3  # of the trials that come to a rung one in so many goes on, as in Li et al. (2020)


class Suggestions:
    """The next trial of a search, on the disk as soon as it is suggested: first those that are known."""

    def __init__(self, plan: Plan, records: Records) -> None:
        self.plan, self.records, self.known = plan, records, list(records.search)

    def __call__(self, trial: "optuna.Trial") -> dict[str, Any]:
        """The config of a trial of Ray Tune."""
        if trial.number < len(self.known):
            known = self.known[trial.number]
            suggest(trial, self.plan.space, point(self.plan.space, known.model, known.tunables))
            return {"trial": asdict(known)}
        model, tunables = suggest(trial, self.plan.space)
        new = Trial(f"trial-{trial.number:03}", model, tunables, self.plan.search_seeds)
        self.records.write(new)
        return {"trial": asdict(new)}


def add_current(plan: Plan, records: Records) -> None:
    """Make the recipes of params.yaml the first trials, so that they can win."""
    for number, model in enumerate(plan.space):
        name = f"trial-{number:03}"
        if name not in records.trials:
            records.write(Trial(name, model, plan.current(model), plan.search_seeds))


def search(plan: Plan, records: Records, parent_id: str, start_ray: Callable[[], Path]) -> None:
    """Run the trials of the search that have not ended. Raises UserError where none can be trained."""
    known = records.search
    if len(known) >= plan.trials and all(trial.state in ENDED for trial in known):
        return
    folder = start_ray()
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    search_settings: dict[str, Any] = {
        "search_alg": OptunaSearch(
            Suggestions(plan, records),
            metric="score",
            mode="max",
            points_to_evaluate=[point(plan.space, trial.model, trial.tunables) for trial in known],
            seed=(plan.seed + len(known)) % 2**32,  # or the sampler would begin with what it suggested before
        ),
        "scheduler": ASHAScheduler(
            "n_rows",
            "score",
            "max",
            max_t=plan.seeds * plan.epochs,
            grace_period=plan.min_epochs,
            reduction_factor=REDUCTION,
        ),
        "num_samples": plan.trials,
    }
    deadline = time.monotonic() + 60 * plan.minutes
    _run(plan, Observer(plan, records, parent_id, deadline), folder, **search_settings)


def train_all(plan: Plan, records: Records, parent_id: str, start_ray: Callable[[], Path], trials: list[Trial]) -> None:
    """Train each of these trials to its end, if it has not ended. Raises UserError where none can be trained."""
    for trial in trials:
        if trial.name not in records.trials:
            records.write(trial)
    waiting = [asdict(records.trials[trial.name]) for trial in trials if records.trials[trial.name].state not in ENDED]
    if not waiting:
        return
    folder = start_ray()
    from ray import tune

    space = {"trial": tune.grid_search(waiting)}
    _run(plan, Observer(plan, records, parent_id, math.inf), folder, param_space=space)
    if failed := [trial.name for trial in trials if records.trials[trial.name].state not in ENDED]:
        raise UserError(f"the trainings {', '.join(failed)} must end well; their workers were ended. Run it again.")


def _run(
    plan: Plan, observer: Observer, folder: Path, param_space: dict[str, Any] | None = None, **settings: Any
) -> None:
    """Run trials as Ray's actors, followed by the observer."""
    import ray
    from ray import tune

    class Follower(tune.Callback):
        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            observer.start(trial.config["trial"]["name"])

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
            observer.report(trial.config["trial"]["name"], result)

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            observer.complete(trial.config["trial"]["name"])

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            observer.end(trial.config["trial"]["name"], "failed")

    class Stopper(tune.Stopper):
        def __call__(self, trial_id: str, result: Any) -> bool:
            return False

        def stop_all(self) -> bool:
            return observer.must_stop()

    n_gpus = ray.cluster_resources().get("GPU", 0) if plan.top["device"] != "cpu" else 0
    tuner = tune.Tuner(
        tune.with_resources(
            functools.partial(run_trial, plan=plan), {"cpu": 1, "gpu": min(1, n_gpus / plan.concurrent)}
        ),
        param_space=param_space,
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=plan.concurrent, **settings),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            callbacks=[Follower()],
            stop=Stopper(),
            failure_config=tune.FailureConfig(max_failures=1),  # a worker that the system ended for want of memory
            verbose=0,
        ),
    )
    with observer:
        tuner.fit()
    if observer.problem:
        raise UserError(observer.problem)
