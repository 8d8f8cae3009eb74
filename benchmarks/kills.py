"""Random SIGKILLs of the process group under the real `dvc repro`, and what the runs that went on leave at the end.

Each series is a copy of one small repository: the digits, a network with dropout, several seeds and epochs. Its
training is run and killed at a time drawn uniformly from the length of an unbroken one, until it ends; then the rest.
"""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from src.pipeline.files import write_json, write_text
from src.training.device import setup_device, software

ROOT = Path(__file__).parents[1]
KILLS, SEED = 50, 0
MODEL = "dropout"
RECIPE = {
    "architecture": "dropout_cnn",
    "activation": "relu",
    **{"dropout_conv1": 0.3, "dropout_conv2": 0.3, "dropout_dense1": 0.5},
    **{"optimizer": "adam", "learning_rate": 0.001, "batch_size": 50, "epochs": 5, "replicas": 3},
}
MASKED = re.compile(r"run_id|n_resumed|.*(seconds|latency|_s$|bs\d).*")  # columns that differ from run to run


@dataclass
class Attempt:
    """A start of `dvc repro`: when it was killed (None: it ended), in which stage, which epochs it finished, mended."""

    killed_after: float | None
    stage: str
    epochs: list[str]
    mended: list[str]


def lay_out(top: Path, recipe: dict[str, Any]) -> None:
    """Make the repository: the code of the working tree, the small params, the data prepared, all committed."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    for name in listed:
        if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "dvc.lock", "tests/", "benchmarks/")):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, top / name)
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params["fetch"] |= {"source": "digits"}
    params |= {"models": {MODEL: recipe}, "device": "cpu"}
    params["embed"]["model"] = params["audit"]["model"] = MODEL
    params["evaluate"] = {"latency_batches": [1], "latency_repeats": 2, "n_occluded": 2, "patch": 6, "stride": 6}
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    run(top, "git", "init", "--quiet")
    run(top, "dvc", "repro", "prepare")
    run(top, "git", "add", "--all")
    run(top, "git", "commit", "--quiet", "--message", "start")


def environment() -> dict[str, str]:
    """This environment with a git identity and this Python first, without what a surrounding DVC or MLflow set."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return own | identity | {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}


def run(top: Path, *command: str) -> None:
    """Run a command in a repository; it must succeed."""
    subprocess.run(command, cwd=top, check=True, env=environment(), capture_output=True)


def attempt(top: Path, kill_after: float | None) -> Attempt:
    """Start `dvc repro` of the training; kill its process group after so many seconds, unless it ends before."""
    with (top / "output.txt").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["dvc", "repro", f"train@{MODEL}"],
            cwd=top,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(kill_after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        output.seek(0)
        text = output.read()
    killed = status == -signal.SIGKILL
    if status and not killed:
        raise RuntimeError(f"dvc repro failed:\n{text}")
    stages = re.findall(r"Running stage '(.*)'", text)
    epochs = re.findall(r"train: (\S+ epoch \d+)/", text)
    place = stages[-1] if stages else "none yet"
    return Attempt(kill_after if killed else None, place, epochs, mend(top) if killed else [])


def broken(top: Path) -> list[str]:
    """Which of DVC's own files a kill has left half-written."""
    lock, rwlock, names = top / "dvc.lock", top / ".dvc/tmp/rwlock", []
    try:
        whole = set(yaml.safe_load(lock.read_text(encoding="utf-8"))) == {"schema", "stages"}
    except (yaml.YAMLError, TypeError, FileNotFoundError):
        whole = False
    names += [] if whole else ["dvc.lock"]
    try:
        json.loads(rwlock.read_text(encoding="utf-8") if rwlock.exists() else "{}")
    except ValueError:
        names.append("rwlock")
    return names


def mend(top: Path) -> list[str]:
    """Let the command `doctor` put such files right, and then do by hand what is left; says which, and how."""
    names = broken(top)
    if names:
        subprocess.run([sys.executable, "-m", "src", "doctor", "--fix", "--quick"], cwd=top, env=environment())
    by_hand = broken(top)
    if "dvc.lock" in by_hand:
        run(top, "git", "checkout", "dvc.lock")
    if "rwlock" in by_hand:
        (top / ".dvc/tmp/rwlock").unlink()
    return [f"{name} by {'hand' if name in by_hand else 'doctor'}" for name in names]


def results(top: Path) -> dict[str, Any]:
    """What a run leaves: bytes of models, predictions, histories and tables, without what differs from run to run."""
    kinds = ("models/*/*.keras", "data/predictions/*.npz", "metrics/train/*/*.csv", "metrics/compare/*.csv")
    files = [path for kind in (*kinds, "metrics/compare/*.json", "metrics/summary.json") for path in top.glob(kind)]
    return {str(path.relative_to(top)): _content(path) for path in files}


def _content(path: Path) -> Any:
    """A file's bytes, or a table's rows without the columns that differ from run to run."""
    if path.suffix != ".csv":
        return path.read_bytes()
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if not MASKED.fullmatch(key)} for row in csv.DictReader(file)]


def series(prepared: Path, top: Path, seconds: float, draw: random.Random) -> list[Attempt]:
    """Run and kill the training of a copy of the prepared repository until a run ends by itself, then the rest."""
    shutil.copytree(prepared, top, symlinks=True)
    attempts: list[Attempt] = []
    while not attempts or attempts[-1].killed_after is not None:
        attempts.append(attempt(top, draw.uniform(0, seconds)))
    run(top, "dvc", "repro", "compare")
    return attempts


def summarise(all_series: list[dict[str, Any]]) -> dict[str, Any]:
    """Numbers over all series; an epoch that was shown in two attempts of a series was trained again."""
    attempts = [one for known in all_series for one in known["attempts"]]
    killed = [one for one in attempts if one["killed_after"] is not None]
    again = sum(
        n - 1
        for known in all_series
        for n in Counter(epoch for one in known["attempts"] for epoch in one["epochs"]).values()
    )
    return {
        "kills": len(killed),
        "runs": len(all_series),
        "fell": dict(Counter(one["stage"] for one in killed)),
        "fell_after_an_epoch": sum(bool(one["epochs"]) for one in killed),
        "finished_epochs_trained_again": again,
        "mended": dict(Counter(name for one in killed for name in one["mended"])),
        "resumed": sum(known["n_resumed"] for known in all_series),
        "equal": sum(known["equal"] for known in all_series),
    }


def markdown(summary: dict[str, Any]) -> list[str]:
    """The summary as a table."""
    fell = ", ".join(f"{place}: {n}" for place, n in sorted(summary["fell"].items()))
    mended = ", ".join(f"{name}: {n}" for name, n in summary["mended"].items()) or "none"
    return [
        "| | |",
        "|---|---:|",
        f"| SIGKILLs of the process group | {summary['kills']} |",
        f"| by the stage that ran | {fell} |",
        f"| after the attempt's first finished epoch | {summary['fell_after_an_epoch']} |",
        f"| runs that ended at last | {summary['runs']} |",
        f"| trainings that went on after an interruption | {summary['resumed']} |",
        f"| finished epochs that were trained again | {summary['finished_epochs_trained_again']} |",
        f"| files of DVC's own that were cut, and what mended them | {mended} |",
        f"| runs with the models, histories, predictions and tables of the unbroken one | {summary['equal']} |",
    ]


def report(all_series: list[dict[str, Any]], seconds: float, on: str) -> None:
    """Write benchmarks/kills.json and .md."""
    summary = summarise(all_series)
    write_json("benchmarks/kills.json", {"on": on, "seconds": seconds, "summary": summary, "series": all_series})
    heading = [
        "# Kills",
        "",
        f"Kill times uniform over the {seconds:.0f} s of an unbroken `dvc repro` of the training. On {on}.",
        "",
    ]
    write_text("benchmarks/kills.md", "\n".join([*heading, *markdown(summary), ""]))


def main() -> None:
    """Kill and compare -> benchmarks/kills.json and .md, after every series."""
    draw, on = random.Random(SEED), f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    with tempfile.TemporaryDirectory() as folder:
        prepared, unbroken = Path(folder) / "prepared", Path(folder) / "unbroken"
        prepared.mkdir()
        lay_out(prepared, RECIPE)
        shutil.copytree(prepared, unbroken, symlinks=True)
        start = time.perf_counter()
        attempt(unbroken, None)
        seconds = time.perf_counter() - start
        run(unbroken, "dvc", "repro", "compare")
        expected = results(unbroken)
        all_series: list[dict[str, Any]] = []
        while sum(len(known["attempts"]) - 1 for known in all_series) < KILLS:
            top = Path(folder) / str(len(all_series))
            attempts = series(prepared, top, seconds, draw)
            trained = json.loads((top / f"data/runs/{MODEL}.json").read_text(encoding="utf-8"))
            all_series.append(
                {
                    "attempts": [asdict(one) for one in attempts],
                    "n_resumed": sum(seed["n_resumed"] for seed in trained["seeds"]),
                    "equal": results(top) == expected,
                }
            )
            report(all_series, seconds, on)
            print(f"{len(attempts) - 1} kills, then {'equal' if all_series[-1]['equal'] else 'NOT equal'}", flush=True)
    print("\n".join(markdown(summarise(all_series))))


if __name__ == "__main__":
    main()
