"""What a stage costs before and after its work: libraries, an MLflow run, and ending the process.

Each process collects garbage as Python does by itself and as the stages do (src/pipeline/runner.py), by turns.
"""

import os
import tempfile
import time
from statistics import median

from benchmarks import run_python
from src.pipeline.files import write_json, write_text
from src.training.device import setup_device, software

ROUNDS = 5
RUN = "run = tracking.new_run('a', {}, {}); run.__enter__().log_metrics({'a': 1}); run.__exit__(None, None, None)"
STEPS = {
    "Python": "",
    "params.yaml": "read_params();",
    "TensorFlow and Keras": "setup_device(seed=0, device='cpu', threads=None);",
    "an MLflow run": f"{RUN};",
    "all of these": f"read_params(); setup_device(seed=0, device='cpu', threads=None); {RUN};",
}
IMPORTS = (
    "from src.params import read_params; from src.pipeline import tracking;"
    "from src.training.device import setup_device;"
    "tracking.start_sender = lambda: None;"  # a process of its own, beside or after the stage
)
GC = {"as Python does": ("", ""), "as a stage does": ("gc.set_threshold(100_000, 20, 20);", "gc.freeze()")}


def seconds(code: str) -> float:
    """Wall time of a Python process."""
    start = time.perf_counter()
    run_python("-c", code)
    return time.perf_counter() - start


def main() -> None:
    """Time the processes -> benchmarks/start.json and .md."""
    times: dict[str, dict[str, list[float]]] = {step: {kind: [] for kind in GC} for step in STEPS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        for _ in range(ROUNDS):
            for step, code in STEPS.items():
                for kind, (before, after) in GC.items():
                    imports = IMPORTS if code else ""
                    times[step][kind].append(seconds(f"import gc; {before} {imports} {code} {after}"))
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    write_json("benchmarks/start.json", {"on": on, "seconds": times})
    lines = ["| A process with | Garbage collected as Python does | As a stage does |", "|---|---:|---:|"]
    lines += [
        f"| {step} | {' | '.join(f'{median(runs[kind]):.2f} s' for kind in GC)} |" for step, runs in times.items()
    ]
    heading = ["# Starting and ending a stage", "", f"Medians of {ROUNDS}. On {on}.", ""]
    write_text("benchmarks/start.md", "\n".join([*heading, *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
