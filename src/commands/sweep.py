"""Search for a better recipe by trials that validation accuracy chooses among; params.yaml says where to search.

An interrupted sweep goes on when it is run again. The test set is never read.
"""

import argparse
import functools
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from src.images import splits
from src.params import read_params, validate_model
from src.pipeline import tracking
from src.pipeline.files import write_csv, write_json
from src.pipeline.runner import run
from src.sweeping import charts, results
from src.sweeping.cluster import local_ray
from src.sweeping.observer import tracking_id
from src.sweeping.plan import Plan, make_plan
from src.sweeping.records import ENDED, Records, Trial, opened
from src.sweeping.search import add_current, search, train_all
from src.sweeping.space import check_space
from src.training.checkpoint_folder import remove

FOLDER = "metrics/sweep"
DESCRIPTION = (
    "A sweep, by `python -m src sweep`: each trial is a run below. `val_accuracy` is the mean over its seeds after the"
    " last epoch; a trial with `state: pruned` was ended before. The runs `winner` and `current` are trainings from"
    " fresh seeds, which chose nothing."
)


def main(arguments: list[str]) -> None:
    """Check params.yaml whole, then run or continue the sweep."""
    argparse.ArgumentParser(prog="python -m src sweep", description=__doc__).parse_args(arguments)
    run("sweep", work)


def work() -> None:
    """data/{train,val}.npz -> metrics/sweep/{trials.csv,slices.svg,winner.json}, and MLflow runs below one parent."""
    params = read_params()
    check_space(
        params["sweep"]["space"], params["models"], lambda model, block: validate_model(model, block, "sweep.space")
    )
    plan = make_plan(params, **params["sweep"])
    with ExitStack() as stack:
        records = stack.enter_context(opened(plan.key))
        tags = {"sweep": plan.key[:12], tracking.DESCRIPTION: DESCRIPTION}
        parent = tracking.new_run("sweep", tags, params["sweep"], run_id=tracking_id(plan.key, "sweep"))
        parent_run = stack.enter_context(parent)
        parent_run.log_dataset("train", "training", *splits.read("train"))
        parent_run.log_dataset("val", "validation", *splits.read("val"))
        start_ray = functools.cache(lambda: stack.enter_context(local_ray(plan.key, plan.concurrent)))
        add_current(plan, records)
        search(plan, records, parent_run.id, start_ray)
        winner = results.find_winner(plan, records.search)
        if winner is None:
            write_results(plan, records.search)
            print(f"sweep: no trial was finished in {plan.minutes} minutes: run it again, and it goes on.")
            return
        train_all(plan, records, parent_run.id, start_ray, results.fresh_trials(plan, winner))
        verdict = results.judge(plan, winner, records)
        write_results(plan, records.search, winner, verdict)
        for file in ("trials.csv", "slices.svg", "winner.json"):
            parent_run.log_artifact(f"{FOLDER}/{file}")
        parent_run.set_tags({key: verdict[key] for key in ("trial", "val_accuracy", "difference", "better", "adopt")})
    remove_checkpoints(plan, records)
    for line in results.in_words(verdict).splitlines():
        print(f"sweep: {line}")


def write_results(
    plan: Plan, trials: Sequence[Trial], winner: Trial | None = None, verdict: results.Verdict | None = None
) -> None:
    """Write metrics/sweep; without a verdict there is no winner.json."""
    Path(FOLDER, "winner.json").unlink(missing_ok=True)  # first: an old one never stands beside new trials
    write_csv(f"{FOLDER}/trials.csv", results.table(plan, trials))
    charts.slices(f"{FOLDER}/slices.svg", plan, trials, winner)
    if verdict:
        write_json(f"{FOLDER}/winner.json", verdict)


def remove_checkpoints(plan: Plan, records: Records) -> None:
    """Remove what only a training that has not ended would need."""
    for trial in records.trials.values():
        if trial.state in ENDED:
            for seed in trial.seeds:
                remove(plan.training_key(trial, seed))
