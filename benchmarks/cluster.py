"""The digits pipeline on a real Ray cluster: unbroken, with a node that is lost, with a driver that is killed.

The trouble comes after a training's first finished epoch. What is left is compared with what a serial run leaves.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmarks import kills, ray_nodes
from benchmarks.parallel import lay_out_digits, outcome
from src.pipeline.files import read_json, write_json, write_text
from src.training.device import setup_device, software

REPEATS, EPOCHS, CORES = 3, 4, 2
TROUBLES = ("none", "a node is lost", "the driver is killed")
TARGETS = ["compare"]


def lay_out(top: Path) -> None:
    """The repository of benchmarks/parallel.py with more epochs, one thread for a stage, and a remote beside it."""
    lay_out_digits(top)
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params |= {"epochs": EPOCHS, "threads": 1}
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    kills.run(top, "git", "commit", "--quiet", "--all", "--message", "epochs and threads")


def start(top: Path, address: str) -> subprocess.Popen[bytes]:
    """Start the driver."""
    command = [sys.executable, "-m", "src", "parallel", "--jobs", str(CORES), "--cluster", address, *TARGETS]
    own = kills.environment() | ray_nodes.LOOPBACK
    with (top / ".dvc/tmp/output.txt").open("ab") as output:
        return subprocess.Popen(command, cwd=top, env=own, stdout=output, stderr=output)


def has_finished_an_epoch(top: Path) -> bool:
    """Whether a training has."""
    logs = (top / ".dvc/tmp/parallel").glob("train@*.log")
    return any(f" epoch 1/{EPOCHS}" in log.read_text(encoding="utf-8", errors="replace") for log in logs)


def run(top: Path, trouble: str) -> dict[str, Any]:
    """Run the pipeline on a cluster of its own. What came of it."""
    kills.run(top, "dvc", "remote", "add", "--local", "--default", "store", f"{top}.remote")
    with ray_nodes.cluster() as nodes:
        node = ray_nodes.add_node(nodes, CORES)
        driver = start(top, nodes.address)
        while trouble != "none" and not has_finished_an_epoch(top):
            if driver.poll() is not None:
                raise RuntimeError(f"{top}/.dvc/tmp/output.txt says why the driver has ended too early")
            time.sleep(0.1)
        if trouble == "a node is lost":
            ray_nodes.add_node(nodes, CORES)
            ray_nodes.kill_node(nodes, node)
        if trouble == "the driver is killed":
            driver.kill()
            driver.wait()
            driver = start(top, nodes.address)
        status = driver.wait()
    reports = [read_json(path) for path in (top / "data/runs").glob("*.json")]
    resumed = sum(seed["n_resumed"] for report in reports for seed in report["seeds"])
    return {"trouble": trouble, "status": status, "resumed": resumed, "mlflow": mlflow_runs(top)}


def mlflow_runs(top: Path) -> list[str]:
    """Name and status of every run in MLflow, after all was sent."""
    from mlflow import MlflowClient

    kills.run(top, sys.executable, "-m", "src", "sync")
    client = MlflowClient(f"sqlite:///{top}/mlflow.db")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    return sorted(f"{run.info.run_name} {run.info.status}" for run in runs)


def markdown(runs: list[dict[str, Any]], expected: list[str]) -> list[str]:
    """A row for each trouble. expected: the runs in MLflow after a serial `dvc repro`.

    A training that is ended before its first finished epoch has no checkpoint: its run stays in MLflow, as failed.
    """
    lines = [
        "| Trouble | Runs | Ended | `dvc.lock` | Files | Status clean | Resumed | Lost in MLflow | Doubled | Failed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for trouble in TROUBLES:
        rows = [row for row in runs if row["trouble"] == trouble]
        counts = [sum(bool(row[key]) for row in rows) for key in ("lock", "files", "clean")]
        finished = [[run for run in row["mlflow"] if run.endswith(" FINISHED")] for row in rows]
        lost = sum((Counter(expected) - Counter(runs)).total() for runs in finished)
        doubled = sum((Counter(runs) - Counter(expected)).total() for runs in finished)
        failed = sum(len(row["mlflow"]) for row in rows) - sum(map(len, finished))
        ended = sum(row["status"] == 0 for row in rows)
        cells = [trouble, len(rows), ended, *counts, sum(row["resumed"] for row in rows), lost, doubled, failed]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def main() -> None:
    """Run -> benchmarks/cluster.json and .md, after every run."""
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        prepared, serial = Path(folder) / "prepared", Path(folder) / "serial"
        lay_out(prepared)
        kills.run(Path(folder), "cp", "-a", str(prepared), str(serial))
        kills.run(serial, "dvc", "repro", *TARGETS)
        wanted, expected = outcome(serial), mlflow_runs(serial)
        for number, trouble in enumerate(TROUBLES * REPEATS):
            top = Path(folder) / str(number)
            kills.run(Path(folder), "cp", "-a", str(prepared), str(top))
            row, found = run(top, trouble), outcome(top)
            runs.append(row | {kind: found[kind] == wanted[kind] for kind in ("lock", "files", "clean")})
            print(runs[-1], flush=True)
            write_json("benchmarks/cluster.json", {"on": on, "expected": expected, "runs": runs})
            heading = ["# Stages on a cluster, with losses", "", f"Nodes of {CORES} cores on one machine. On {on}.", ""]
            write_text("benchmarks/cluster.md", "\n".join([*heading, *markdown(runs, expected), ""]))
    print("\n".join(markdown(runs, expected)))


if __name__ == "__main__":
    main()
