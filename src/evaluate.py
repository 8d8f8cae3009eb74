"""Evaluate one trained model: its probabilities for every image of every split, and how long predicting takes."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypedDict

import numpy as np

from src import classifiers
from src.comparison.occlusion import occlusion
from src.comparison.scores import accuracy, class_scores, surest_mistakes
from src.images import splits
from src.images.splits import SPLITS, Labelled
from src.pipeline import tracking
from src.pipeline.files import atomic_write, read_json, write_json
from src.pipeline.schema import Count
from src.training.device import setup_device
from src.training.predictor import Predict, predictor


class SeedTiming(TypedDict):
    """Times of one trained model, in seconds.

    test_seconds: predicting the test set once more after a first pass, from the host's memory and back. latency: of
    single batches, {"bs1_first": the first call, which compiles; "bs1_p50", "bs1_p95": percentiles of later ones}.
    """

    seed: int
    test_seconds: float
    latency: dict[str, float]


class Evaluation(NamedTuple):
    """What is found of one trained model.

    probabilities: of each split, (n, classes) float32. test_seconds, latency: see `SeedTiming`. mistakes: (k,) int64,
    the places of the surest wrong predictions on test images, and occlusion: (k, side, side) float32, which parts of
    these images they depend on; k is 0 where that was not asked for.
    """

    probabilities: dict[str, np.ndarray]
    test_seconds: float
    latency: dict[str, float]
    mistakes: np.ndarray
    occlusion: np.ndarray


class Timings(TypedDict):
    """data/timings/MODEL.json: the device that the times were taken on, and the times of each seed."""

    device: str
    seeds: list[SeedTiming]


def evaluate(
    predict_in_batches: Callable[..., Predict],
    batch_size: int,
    images: dict[str, np.ndarray],
    y_test: np.ndarray,
    occluding: bool,
    *,
    latency_batches: list[Count],
    latency_repeats: Count,
    n_occluded: Count,
    patch: Count,
    stride: Count,
) -> Evaluation:
    """What a model predicts, how long that takes, and what its surest mistakes depend on.

    images: uint8, of each split. y_test: (n,) int64, the labels of the test images. `predict_in_batches` gives, for a
    `batch_size`, a function from images to probabilities. Latency is that of one batch of each size of
    `latency_batches`. If `occluding`, `n_occluded` mistakes are looked into, by squares of `patch` pixels, `stride`
    apart.
    """
    test = images["test"]
    latencies: dict[str, float] = {}
    predictors = {size: predict_in_batches(batch_size=size) for size in (*latency_batches, batch_size)}
    for size in latency_batches:  # first of all, so that nothing is compiled yet
        batch = np.resize(test, (size, *test.shape[1:]))
        measured = latency(predictors[size], batch, latency_repeats)
        latencies |= {f"bs{size}_{name}": seconds for name, seconds in measured.items()}
    predict = predictors[batch_size]
    probabilities = {split: predict(x) for split, x in images.items()}
    start = time.perf_counter()
    predict(test)
    seconds = round(time.perf_counter() - start, 3)
    mistakes = surest_mistakes(probabilities["test"], y_test, n_occluded if occluding else 0)
    maps = [occlusion(predict, test[place], patch=patch, stride=stride) for place in mistakes]
    return Evaluation(
        probabilities, seconds, latencies, mistakes, np.array(maps, np.float32).reshape(-1, *test.shape[1:3])
    )


def latency(predict: Predict, x: np.ndarray, repeats: int) -> dict[str, float]:
    """Seconds from images to their probabilities: of the first call, which compiles, and percentiles of the next."""
    seconds = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        predict(x)
        seconds.append(time.perf_counter() - start)
    first, *later = seconds
    p50, p95 = np.percentile(later, (50, 95))
    return {"first": round(first, 6), "p50": round(float(p50), 6), "p95": round(float(p95), 6)}


def evaluation_metrics(
    probabilities: dict[str, np.ndarray], y: dict[str, np.ndarray], timing: SeedTiming
) -> dict[str, dict[str, float]]:
    """What MLflow keeps of an evaluation, by split: the accuracy; of test, scores of each label too, and seconds."""
    names = splits.class_names()
    predicted = {split: values.argmax(axis=1) for split, values in probabilities.items()}
    metrics = {split: {f"{split}_accuracy": accuracy(predicted[split], y[split])} for split in predicted}
    for name, scores in zip(names, class_scores(predicted["test"], y["test"], len(names)), strict=True):
        metrics["test"] |= {f"precision/{name}": scores.precision, f"recall/{name}": scores.recall}
    times = {f"latency/{name}_s": seconds for name, seconds in timing["latency"].items()}
    metrics["test"] |= {"test_seconds": timing["test_seconds"]} | times
    return metrics


def over_seeds(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each metric over the seeds; of accuracies also the standard deviation, where there are several."""
    values = {name: [row[name] for row in scores] for name in scores[0]}
    spread = {
        f"{name}_sd": statistics.stdev(column)
        for name, column in values.items()
        if name.endswith("_accuracy") and len(column) > 1
    }
    return {name: statistics.fmean(column) for name, column in values.items()} | spread


def log_scores(
    model: str,
    runs: dict[str, Any],
    sets: dict[str, Labelled],
    scores: Sequence[dict[str, dict[str, float]]],
) -> None:
    """Add the scores of each seed, by split, to the run that trained it, and their means to the run above."""
    for training, by_split in zip(runs["seeds"], scores, strict=True):
        with tracking.resumed_run(model, f"{model}-seed{training['seed']}", training["run_id"]) as run:
            run.log_dataset("test", "testing", *sets["test"])
            for split, metrics in by_split.items():
                run.log_metrics(metrics, dataset=split)
    with tracking.resumed_run(model, model, runs["parent_id"]) as parent:
        parent.log_metrics(over_seeds([{**row["train"], **row["val"], **row["test"]} for row in scores]))


def main(params: dict[str, Any], model: str) -> None:
    """models/MODEL and the splits -> MODEL's file in data/predictions, timings and occlusion; MLflow gets the scores.

    The predictions of each split are (seeds, n, classes) float32. Occlusion is that of the first seed.
    """
    runs = read_json(f"data/runs/{model}.json")
    device = setup_device(seed=params["seed"], device=params["device"], threads=params["threads"])
    sets: dict[str, Labelled] = {split: splits.read(split) for split in SPLITS}
    images, y = {name: data.x for name, data in sets.items()}, {name: data.y for name, data in sets.items()}
    evaluations, timings, scores = list[Evaluation](), list[SeedTiming](), []
    batch_size = params["models"][model]["batch_size"]
    for run in runs["seeds"]:
        trained = classifiers.load(f"models/{model}/{run['seed']}.keras")
        in_batches = partial(predictor, trained)
        first = not evaluations
        result = evaluate(in_batches, batch_size, images, y["test"], first, **params["evaluate"])
        evaluations.append(result)
        timings.append({"seed": run["seed"], "test_seconds": result.test_seconds, "latency": result.latency})
        scores.append(evaluation_metrics(result.probabilities, y, timings[-1]))
        name, accuracy = f"{model}-seed{run['seed']}", scores[-1]["test"]["test_accuracy"]
        print(f"evaluate: {name}: test accuracy {accuracy:.2%}, {result.test_seconds} s", flush=True)
        del trained, in_batches
        gc.collect()  # Keras's layers refer to each other: the model would stay for good
    with atomic_write(f"data/predictions/{model}.npz") as file:
        stacked = {split: np.stack([result.probabilities[split] for result in evaluations]) for split in SPLITS}
        np.savez(file, allow_pickle=False, **stacked)
    with atomic_write(f"data/occlusion/{model}.npz") as file:
        np.savez(file, allow_pickle=False, mistakes=evaluations[0].mistakes, maps=evaluations[0].occlusion)
    write_json(f"data/timings/{model}.json", Timings(device=device, seeds=timings))
    log_scores(model, runs, sets, scores)  # at last, so that sending them disturbs no measurement
