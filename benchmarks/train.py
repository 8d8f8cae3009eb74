"""How long a training step takes: stock Keras, this pipeline, PyTorch, and the floor that arithmetic alone would need.

Every run is a process of its own, and the paths take turns, so that a slow spell of the machine hits them all.
"""

import importlib.util
import json
import math
import os
import resource
import sys
import time
from importlib.metadata import version
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from benchmarks import run_python
from src.images.splits import Labelled
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.training.device import setup_device

ROUNDS = 3  # runs of each model on each path
IMAGES = 10_000  # of the training set: 20 steps or more
WARM = 3  # steps before the measured ones; the first compiles
Run = dict[str, float]


def stock(x: np.ndarray, y: np.ndarray, recipe: dict[str, Any], on_step: Any) -> None:
    """The recipe as one would write it in Keras: an epoch of `fit`."""
    import keras

    from benchmarks import stock as networks

    keras.utils.set_random_seed(0)
    model = networks.build(side=x.shape[1], classes=int(y.max()) + 1, **networks.network(recipe))
    rate = {"learning_rate": recipe["learning_rate"]}
    rule = keras.optimizers.get({"class_name": recipe["optimizer"], "config": rate})
    model.compile(rule, "categorical_crossentropy", metrics=["accuracy"])
    each = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_step())
    images, labels = x[..., None].astype("float32") / 255, keras.utils.to_categorical(y)
    model.fit(images, labels, batch_size=recipe["batch_size"], verbose=0, callbacks=[each])


def pipeline(x: np.ndarray, y: np.ndarray, recipe: dict[str, Any], on_step: Any) -> float:
    """An epoch of the stage `train`. Returns the arithmetic of a step in GFLOP."""
    from src.training.recipe import train

    setup_device(seed=0, device="cpu", threads=None)
    few = recipe["batch_size"]
    sets = Labelled(x, y), Labelled(x[:few], y[:few])
    model = train(*sets, int(y.max()) + 1, 0, lambda _: 1, on_step, lambda *_: None, epochs=1, **recipe)
    return few * sum(map(flop, model.layers)) / 1e9


def pytorch(x: np.ndarray, y: np.ndarray, recipe: dict[str, Any], on_step: Any) -> None:
    """The recipe in PyTorch."""
    from benchmarks import peer

    peer.fit(x, y, on_step=on_step, **recipe)


PATHS = {"stock": stock, "pipeline": pipeline} | ({"pytorch": pytorch} if importlib.util.find_spec("torch") else {})


def flop(layer: Any) -> int:
    """Multiplications and additions of a layer's matrix products in a training step on one image.

    Forward, the gradient of the weights, and that of the input but for the layer that sees the image.
    """
    name, shape = type(layer).__name__, layer.output.shape
    if name not in ("Conv2D", "Dense", "LSTM"):
        return 0
    matrices = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
    times = {"Conv2D": math.prod(shape[1:3]), "Dense": 1, "LSTM": layer.input.shape[1]}[name]
    if layer.name == "pixels":  # each row of an image is a sequence
        times *= layer.input.shape[1]
    passes = 2 if layer.input.shape[-1] == 1 and name == "Conv2D" else 3
    return 2 * passes * times * sum(map(math.prod, matrices))


def one_run(path: str, recipe: dict[str, Any]) -> Run:
    """Train for an epoch. Returns wall and CPU ms a step, seconds to the first step's end, peak memory in GB."""
    data = np.load("data/train.npz")
    importlib.import_module("torch" if path == "pytorch" else "keras")  # its seconds are no step's
    wall, cpu = [time.perf_counter()], [time.process_time()]

    def on_step(*_: Any) -> None:
        wall.append(time.perf_counter())
        cpu.append(time.process_time())

    gflop = PATHS[path](data["x"][:IMAGES], data["y"][:IMAGES], recipe, on_step)
    steps = len(wall) - 1 - WARM
    return {
        "step_ms": 1000 * (wall[-1] - wall[WARM]) / steps,
        "step_cpu_ms": 1000 * (cpu[-1] - cpu[WARM]) / steps,
        "first_step_s": wall[1] - wall[0],
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    } | ({"gflop": gflop} if gflop else {})


def matrix_rate() -> float:
    """The best of ten products of 4096 x 4096 float32 matrices, in GFLOP/s."""
    a = np.random.default_rng(0).random((4096, 4096), dtype=np.float32)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * 4096**3 / min(seconds) / 1e9


def ratios(rounds: list[dict[str, Run]], path: str) -> float:
    """The median over the rounds of a path's time per step over the pipeline's."""
    return median(turn[path]["step_ms"] / turn["pipeline"]["step_ms"] for turn in rounds)


def summarise(models: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How many times as long as the pipeline each other path takes: geometric mean of the models, and whole recipes.

    `recipes` is the sum over the models of steps x the median time of a step, over that of the pipeline.
    """

    def seconds(path: str) -> float:
        step_ms = {name: median(turn[path]["step_ms"] for turn in model["rounds"]) for name, model in models.items()}
        return sum(model["steps"] * step_ms[name] / 1000 for name, model in models.items())

    return {
        path: {
            "geometric_mean": geometric_mean(ratios(model["rounds"], path) for model in models.values()),
            "recipes": seconds(path) / seconds("pipeline"),
        }
        for path in models[next(iter(models))]["rounds"][0]
        if path != "pipeline"
    }


def markdown(models: dict[str, Any], rate: float) -> list[str]:
    """A table of medians over the rounds; the floor is the arithmetic of a step over the machine's matrix rate."""
    lines = [
        "| Model | Path | Step | CPU | Against the pipeline | First step | Peak memory |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, model in models.items():
        first = f"{name} ({model['steps']:,} steps)"
        lines.append(f"| {first} | floor | {model['rounds'][0]['pipeline']['gflop'] / rate * 1000:.0f} ms | | | | |")
        for path in model["rounds"][0]:
            step, cpu, start, peak = (
                median(turn[path][key] for turn in model["rounds"])
                for key in ("step_ms", "step_cpu_ms", "first_step_s", "peak_gb")
            )
            against = f"{ratios(model['rounds'], path):.2f}"
            lines.append(f"| | {path} | {step:.0f} ms | {cpu:.0f} ms | {against} | {start:.1f} s | {peak:.2f} GB |")
    return lines


def main() -> None:
    """Measure all models on all paths -> benchmarks/train.json and .md."""
    params, images = read_params(), len(np.load("data/train.npz")["y"])
    models: dict[str, Any] = {
        name: {"steps": recipe["epochs"] * math.ceil(images / recipe["batch_size"]), "rounds": []}
        for name, recipe in params["models"].items()
    }
    rates = [matrix_rate()]
    for turn in range(ROUNDS):
        for name, model in models.items():
            model["rounds"].append({path: {} for path in PATHS})
            for path in list(PATHS)[:: 1 if turn % 2 == 0 else -1]:
                run = json.loads(run_python("-m", "benchmarks.train", path, name).splitlines()[-1])
                model["rounds"][turn][path] = run
                print(f"{turn + 1}/{ROUNDS} {name} {path}: {run['step_ms']:.0f} ms", flush=True)
        rates.append(matrix_rate())
    packages = ("keras", "tensorflow", "torch")[: len(PATHS)]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {versions}"
    measured = {"on": on, "matrix_gflop_per_s": max(rates), "summary": summarise(models), "models": models}
    write_json("benchmarks/train.json", measured)
    lines = markdown(models, max(rates))
    heading = ["# A training step", "", f"Medians of {ROUNDS} runs. On {on}.", ""]
    write_text("benchmarks/train.md", "\n".join([*heading, *lines, ""]))
    print("\n".join(lines), json.dumps(measured["summary"], indent=2), sep="\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        path, name = sys.argv[1:]
        recipe = read_params()["models"][name]
        print(
            json.dumps(
                one_run(path, {key: value for key, value in recipe.items() if key not in ("epochs", "replicas")})
            )
        )
    else:
        main()
