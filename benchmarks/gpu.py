"""What a GPU does: time of a training step, two runs' weights equal or not, seconds for the whole pipeline.

    python -m benchmarks.gpu [pipeline | MODEL ...]

Each training is a process of its own, with the backend of KERAS_BACKEND. Trainings are timed one after the other; the
second ones, for their weights, run side by side. They need data/{train,val}.npz, which the stage `prepare` writes.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

from benchmarks import run_python
from src.images import splits
from src.images.splits import Labelled
from src.params import read_params
from src.pipeline.files import read_json, write_json, write_text
from src.pipeline.runner import run
from src.pipeline.schema import Precision
from src.train import train
from src.training.device import setup_device, software
from src.training.precision import set_precision

EPOCHS = 3  # the first compiles, the last is measured
BAR = 120  # seconds for the whole pipeline
PIPELINE = ("parallel", "--jobs", "14", "--gpus-per-stage", "0.125")
REPORT = Path("benchmarks/gpu.json")


def one_run(recipe: dict[str, Any], sets: tuple[Labelled, Labelled]) -> dict[str, Any]:
    """Train for EPOCHS. Returns ms a step in the last of them with its validation, seconds of the first, the hash of
    the weights, and the validation accuracy."""
    steps, ends, logs = [0], [time.perf_counter()], []

    def on_epoch(epoch: int, values: dict[str, float]) -> None:
        ends.append(time.perf_counter())
        logs.append(values)
        steps.append(0)

    def on_steps(n: int) -> None:
        steps[-1] += n

    block = recipe | {"epochs": EPOCHS}
    model = train(*sets, int(sets[0].y.max()) + 1, 0, lambda _: 1, on_steps, on_epoch, **block)
    weights = b"".join(weight.tobytes() for weight in model.get_weights())
    return {
        "step_ms": 1000 * (ends[-1] - ends[-2]) / steps[EPOCHS - 1],
        "first_epoch_s": ends[1] - ends[0],
        "weights": hashlib.sha256(weights).hexdigest(),
        "val_accuracy": logs[-1]["val_accuracy"],
    }


def child(*arguments: str) -> None:
    """Print the GPU and the software in words (`device`), or what `one_run` says of a model in a precision."""
    device = setup_device(seed=0, device="gpu", threads=None)
    if arguments == ("device",):
        print(f"{device}; {software()}")
        return
    name, precision = arguments
    set_precision(precision, device)  # type: ignore[arg-type]
    recipe = {key: value for key, value in read_params()["models"][name].items() if key != "replicas"}
    print(json.dumps(one_run(recipe, (splits.read("train"), splits.read("val")))))


def train_apart(name: str, precision: str) -> dict[str, Any] | None:
    """What `one_run` says, in a process of its own, which takes GPU memory as it needs it; None if it fails."""
    shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    try:
        printed = run_python("-m", "benchmarks.gpu", "--child", name, precision, env=os.environ | shared)
    except subprocess.CalledProcessError:
        return None
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    print(f"{name} {precision}: {result}", flush=True)
    return result


def pipeline_seconds() -> float:
    """Seconds of all stages with all models, epochs and seeds, in a new clone of what is committed."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ".", folder], check=True)
        Path(folder, "dvc.lock").unlink(missing_ok=True)
        own = os.environ | {"DVC_ROOT": folder, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "src", *PIPELINE], cwd=folder, env=own, check=True)
        return time.perf_counter() - start


def markdown(models: dict[str, dict[str, Sequence[dict[str, Any] | None]]]) -> list[str]:
    """A row for each model and precision: the times of the first run, and whether the second has the same weights."""
    lines = [
        "| Model | Precision | A step | First epoch | Validation accuracy | Two runs' weights |",
        "|---|---|---:|---:|---:|---|",
    ]
    for name, precisions in models.items():
        for precision, runs in precisions.items():
            if None in runs:
                lines.append(f"| {name} | {precision} | training failed | | | |")
                continue
            first, *others = (run for run in runs if run)
            equal = "equal" if all(run["weights"] == first["weights"] for run in others) else "different"
            accuracy = " / ".join(sorted({f"{run['val_accuracy']:.2%}" for run in (first, *others)}))
            times = f"{first['step_ms']:.2f} ms | {first['first_epoch_s']:.1f} s"
            lines.append(f"| {name} | {precision} | {times} | {accuracy} | {equal if others else 'not run'} |")
    return lines


def read_results(on: str) -> dict[str, Any]:
    """What was measured before on the same GPU with the same software; else nothing yet."""
    if REPORT.exists():
        results: dict[str, Any] = read_json(REPORT)
        if results["on"] == on:
            return results
    return {"on": on, "models": {}, "pipeline_s": None}


def report(results: dict[str, Any]) -> None:
    """Write benchmarks/gpu.json and .md."""
    write_json(REPORT, results)
    took = f"took {results['pipeline_s']:.0f} s; the bar is {BAR} s" if results["pipeline_s"] else "was not run"
    about = [
        f"Epoch {EPOCHS} with its validation, on {results['on']}. The whole pipeline, all models, epochs and seeds,",
        f"{took} (`python -m src {' '.join(PIPELINE)}`).",
    ]
    lines = ["# On a GPU", "", *about, "", *markdown(results["models"]), ""]
    write_text(REPORT.with_suffix(".md"), "\n".join(lines))


def measure_models(names: Sequence[str], results: dict[str, Any]) -> None:
    """Time the models one after the other in each precision; then train them again, side by side, for the weights."""
    trained = []
    for name in names:
        precisions = results["models"][name] = {}
        for precision in get_args(Precision):
            precisions[precision] = [train_apart(name, precision)]
            report(results)
            if precisions[precision] != [None]:
                trained.append((name, precision))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for (name, precision), result in zip(trained, pool.map(lambda pair: train_apart(*pair), trained), strict=True):
            results["models"][name][precision].append(result)
    report(results)


def main(arguments: Sequence[str]) -> None:
    """Measure the models, the pipeline, or both -> benchmarks/gpu.json and .md."""
    try:
        results = read_results(run_python("-m", "benchmarks.gpu", "--child", "device").strip())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    if arguments != ["pipeline"]:
        measure_models(arguments or list(read_params()["models"]), results)
    if arguments in ([], ["pipeline"]):
        results["pipeline_s"] = pipeline_seconds()
        report(results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run("gpu", lambda: child(*sys.argv[2:]))
    else:
        main(sys.argv[1:])
