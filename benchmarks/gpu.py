"""What a GPU does: time of a training step, two runs' weights equal or not, seconds for the whole pipeline.

    python -m benchmarks.gpu [MODEL ...]

Each training is a process of its own, with the backend of KERAS_BACKEND. It needs data/{train,val}.npz, which the stage
`prepare` writes, Keras and its backend, pydantic, rich and ruamel.yaml. The pipeline is left out without DVC.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from benchmarks import run_python
from src.images import splits
from src.images.splits import Labelled
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.pipeline.runner import run
from src.pipeline.schema import Precision
from src.train import train
from src.training.device import setup_device, software
from src.training.precision import set_precision

EPOCHS = 3  # the first compiles, the last is measured
BAR = 120  # seconds for the whole pipeline


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


def pipeline_seconds() -> float | None:
    """Seconds of `dvc repro` of all models, epochs and seeds in a new clone of what is committed; None without DVC."""
    if find_spec("dvc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ".", folder], check=True)
        Path(folder, "dvc.lock").unlink(missing_ok=True)
        own = os.environ | {"DVC_ROOT": folder, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=folder, env=own, check=True)
        return time.perf_counter() - start


def markdown(models: dict[str, dict[str, Sequence[dict[str, Any]]]]) -> list[str]:
    """A row for each model and precision: the faster of the two runs, and whether their weights are equal."""
    lines = [
        "| Model | Precision | A step | First epoch | Validation accuracy | Two runs' weights |",
        "|---|---|---:|---:|---:|---|",
    ]
    for name, precisions in models.items():
        for precision, runs in precisions.items():
            best = min(runs, key=lambda run: run["step_ms"])
            equal = "equal" if len({run["weights"] for run in runs}) == 1 else "different"
            accuracy = " / ".join(sorted({f"{run['val_accuracy']:.2%}" for run in runs}))
            times = f"{best['step_ms']:.2f} ms | {best['first_epoch_s']:.1f} s"
            lines.append(f"| {name} | {precision} | {times} | {accuracy} | {equal} |")
    return lines


def report(on: str, models: dict[str, Any], pipeline_s: float | None) -> None:
    """Write benchmarks/gpu.json and .md."""
    write_json("benchmarks/gpu.json", {"on": on, "pipeline_s": pipeline_s, "models": models})
    took = f"took {pipeline_s:.0f} s; the bar is {BAR} s" if pipeline_s is not None else "was not run"
    about = f"The faster of two runs, epoch {EPOCHS} with its validation. On {on}. The whole pipeline {took}."
    write_text("benchmarks/gpu.md", "\n".join(["# On a GPU", "", about, "", *markdown(models), ""]))


def main(names: Sequence[str]) -> None:
    """Measure the models, by turns in each precision, twice; then the pipeline."""
    try:
        on = run_python("-m", "benchmarks.gpu", "--child", "device").strip()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    models: dict[str, Any] = {name: {precision: [] for precision in get_args(Precision)} for name in names}
    for _ in range(2):
        for name, precisions in models.items():
            for precision, runs in precisions.items():
                printed = run_python("-m", "benchmarks.gpu", "--child", name, precision)
                runs.append(json.loads(printed.splitlines()[-1]))
                print(f"{name} {precision}: {runs[-1]['step_ms']:.2f} ms", flush=True)
    report(on, models, None)  # so that it is kept if the pipeline fails
    report(on, models, pipeline_seconds())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run("gpu", lambda: child(*sys.argv[2:]))
    else:
        main(sys.argv[1:] or list(read_params()["models"]))
