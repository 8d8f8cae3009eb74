"""What a stage costs before and after its work: libraries, the MLflow store, and ending the process.

Each process runs with garbage collection, as Python does by itself, and without, as the stages do, by turns.
"""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from src.stage import write_json, writing

from src import backend

ROUNDS = 5
STEPS = {
    "Python": "",
    "params.yaml": "stage.read_params();",
    "TensorFlow and Keras": "backend.start(seed=0, device='cpu');",
    "MLflow, its store open": "tracking.connect();",
    "both": "stage.read_params(); backend.start(seed=0, device='cpu'); tracking.connect();",
}
GC = {"collecting": ("", ""), "not collecting": ("gc.disable();", "gc.freeze()")}


def seconds(code: str) -> float:
    """Wall time of a Python process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time the processes -> benchmarks/start.json and .md."""
    times: dict[str, dict[str, list[float]]] = {step: {kind: [] for kind in GC} for step in STEPS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        seconds("from src import tracking; tracking.connect()")  # makes the store
        for _ in range(ROUNDS):
            for step, code in STEPS.items():
                imports = "import gc; from src import backend, stage, tracking;" if code else "import gc;"
                for kind, (before, after) in GC.items():
                    times[step][kind].append(seconds(imports + before + code + after))
    device = backend.start(seed=0, device="cpu")
    on = f"{device}; {backend.software()}"
    write_json("benchmarks/start.json", {"on": on, "seconds": times})
    lines = ["| A process with | Collecting garbage | Not collecting |", "|---|---:|---:|"]
    lines += [
        f"| {step} | {' | '.join(f'{median(runs[kind]):.2f} s' for kind in GC)} |" for step, runs in times.items()
    ]
    with writing("benchmarks/start.md") as file:
        file.write_text(
            "\n".join(["# Starting and ending a stage", "", f"Medians of {ROUNDS}. On {on}.", "", *lines, ""])
        )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
