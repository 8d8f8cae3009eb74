"""How long a training step takes: stock Keras, this pipeline in float32 and bfloat16, PyTorch, and the floor.

The floor is what the arithmetic alone would take at the rate of the machine's matrix products.

Every run is a process of its own, and the paths take turns, so that a slow spell of the machine hits them all.
"""

import importlib.util
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from benchmarks import run_python
from src.images.splits import Labelled
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.pipeline.schema import Precision
from src.training.device import setup_device
from src.training.precision import matrix_rate, set_precision

ROUNDS = 3  # runs of each model on each path
WARM = 3  # steps before the measured ones; the first compiles
STEPS = {"cnn_vgg": 6, "cnn_lstm": 3}  # measured ones, where they are long
USUAL_STEPS = 12
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


def pipeline(x: np.ndarray, y: np.ndarray, recipe: dict[str, Any], on_step: Any, precision: Precision) -> float:
    """An epoch of the stage `train`. Returns the arithmetic of a step in GFLOP."""
    from src.training.recipe import train

    set_precision(precision, setup_device(seed=0, device="cpu", threads=None))
    few = recipe["batch_size"]
    sets = Labelled(x, y), Labelled(x[:few], y[:few])
    model = train(*sets, int(y.max()) + 1, 0, lambda _: 1, on_step, lambda *_: None, epochs=1, **recipe)
    return few * sum(map(flop, model.layers)) / 1e9


def pytorch(x: np.ndarray, y: np.ndarray, recipe: dict[str, Any], on_step: Any) -> None:
    """The recipe in PyTorch."""
    from benchmarks import peer

    peer.fit(x, y, on_step=on_step, **recipe)


PATHS: dict[str, Callable[..., Any]] = {
    "stock": stock,
    "pipeline": partial(pipeline, precision="float32"),
    "bfloat16": partial(pipeline, precision="bfloat16"),
}
if importlib.util.find_spec("torch"):
    PATHS["pytorch"] = pytorch


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


def one_run(path: str, recipe: dict[str, Any], measured_steps: int) -> Run:
    """Train for so many steps. Returns wall and CPU ms a step, seconds to the first step's end, peak memory in GB."""
    data, n_images = np.load("data/train.npz"), recipe["batch_size"] * (WARM + measured_steps)
    importlib.import_module("torch" if path == "pytorch" else "keras")  # its seconds are no step's
    wall, cpu = [time.perf_counter()], [time.process_time()]

    def on_step(*_: Any) -> None:
        wall.append(time.perf_counter())
        cpu.append(time.process_time())

    gflop = PATHS[path](data["x"][:n_images], data["y"][:n_images], recipe, on_step)
    steps = len(wall) - 1 - WARM
    return {
        "step_ms": 1000 * (wall[-1] - wall[WARM]) / steps,
        "step_cpu_ms": 1000 * (cpu[-1] - cpu[WARM]) / steps,
        "first_step_s": wall[1] - wall[0],
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    } | ({"gflop": gflop} if gflop else {})


def speedups(rounds: list[dict[str, Run]], path: str) -> list[float]:
    """How many times as fast as stock Keras a path is in each round."""
    return [turn["stock"]["step_ms"] / turn[path]["step_ms"] for turn in rounds]


def summarise(models: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How many times as fast as stock Keras each other path is.

    geometric_mean: of the models' medians. recipes: the sum over the models of steps x the median time of a step with
    stock Keras, over that with the path.
    """

    def seconds(path: str) -> float:
        step_ms = {name: median(turn[path]["step_ms"] for turn in model["rounds"]) for name, model in models.items()}
        return sum(model["steps"] * step_ms[name] / 1000 for name, model in models.items())

    return {
        path: {
            "geometric_mean": geometric_mean(median(speedups(model["rounds"], path)) for model in models.values()),
            "recipes": seconds("stock") / seconds(path),
        }
        for path in models[next(iter(models))]["rounds"][0]
        if path != "stock"
    }


def markdown(models: dict[str, Any], rate: float) -> list[str]:
    """A table of medians over the rounds, and the range of times as fast; rate: of matrices in float32, in GFLOP/s."""
    lines = [
        "| Model | Path | Step | CPU | Times as fast as stock | First step | Peak memory |",
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
            times = speedups(model["rounds"], path)
            faster = f"{median(times):.2f} ({min(times):.2f}–{max(times):.2f})" if path != "stock" else ""
            lines.append(f"| | {path} | {step:.0f} ms | {cpu:.0f} ms | {faster} | {start:.1f} s | {peak:.2f} GB |")
    return lines


def main() -> None:
    """Measure all models on all paths -> benchmarks/train.json and .md."""
    params, images = read_params(), len(np.load("data/train.npz")["y"])
    models: dict[str, Any] = {
        name: {"steps": recipe["epochs"] * math.ceil(images / recipe["batch_size"]), "rounds": []}
        for name, recipe in params["models"].items()
    }
    on, load = setup_device(seed=0, device="cpu", threads=None), os.getloadavg()[0]
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for turn in range(ROUNDS):
        for name, model in models.items():
            model["rounds"].append({path: {} for path in PATHS})
            for path in list(PATHS)[:: 1 if turn % 2 == 0 else -1]:
                run = json.loads(run_python("-m", "benchmarks.train", path, name).splitlines()[-1])
                model["rounds"][turn][path] = run
                print(f"{turn + 1}/{ROUNDS} {name} {path}: {run['step_ms']:.0f} ms", flush=True)
        for dtype, measured in rates.items():
            measured.append(matrix_rate(dtype))
    packages = ["keras", "tensorflow", *(["torch"] if "pytorch" in PATHS else [])]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    on = f"{on}; {versions}; load average {load:.1f} at the start"
    best = {dtype: max(measured) for dtype, measured in rates.items()}
    result = {"on": on, "gflop_per_s_of_a_core": best, "summary": summarise(models), "models": models}
    write_json("benchmarks/train.json", result)
    lines = markdown(models, best["float32"] * len(os.sched_getaffinity(0)))
    products = ", ".join(f"{rate:.0f} GFLOP/s in {dtype}" for dtype, rate in best.items())
    what = f"Medians of {ROUNDS} runs, and ranges. On {on}. A core multiplies matrices at {products}."
    write_text("benchmarks/train.md", "\n".join(["# A training step", "", what, "", *lines, ""]))
    print("\n".join(lines), json.dumps(result["summary"], indent=2), sep="\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        path, name = sys.argv[1:]
        recipe = read_params()["models"][name]
        del recipe["epochs"], recipe["replicas"]
        print(json.dumps(one_run(path, recipe, STEPS.get(name, USUAL_STEPS))))
    else:
        main()
