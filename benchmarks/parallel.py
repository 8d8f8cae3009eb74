"""Stages side by side, with kills in between: what `python -m src parallel` leaves beside what `dvc repro` leaves.

Each run is a copy of a small repository, brought up to date by `parallel`. It is hit a few times on the way, at times
drawn uniformly from the length of an unbroken run: the driver by SIGKILL or Ctrl-C, or one of its stages by SIGKILL.
"""

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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks import kills
from src.pipeline.files import write_json, write_text
from src.training.device import setup_device, software

SEED, HITS, JOBS = 0, 2, 3
RUNS = {"toy stages": 50, "digits pipeline": 10}
BRANCHES = ("a", "b", "c")
VOLATILE = re.compile(r"data/(runs|timings)|metrics/(compare|summary)")  # run ids and seconds are in them
KINDS = ("SIGKILL of the driver", "Ctrl-C", "SIGKILL of a stage")


def lay_out_toy(top: Path) -> None:
    """A repository with stages of a tenth of a second: one that is done, three that need it, one that joins them."""
    stages: dict[str, Any] = {"start": {"cmd": "cp params.yaml start", "deps": ["params.yaml"], "outs": ["start"]}}
    for branch in BRANCHES:
        stages[branch] = {"cmd": f"sleep 0.1; cp start {branch}", "deps": ["start"], "outs": [branch]}
    deps = list(BRANCHES)
    stages["end"] = {"cmd": f"cat {' '.join(deps)} > end", "deps": deps, "outs": [{"end": {"cache": False}}]}
    top.mkdir()
    (top / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False), encoding="utf-8")
    (top / "params.yaml").write_text("x: 1\n", encoding="utf-8")
    shutil.copytree(kills.ROOT / "src", top / "src", ignore=shutil.ignore_patterns("__pycache__"))
    kills.run(top, "git", "init", "--quiet")
    kills.run(top, "dvc", "init", "--quiet")
    kills.run(top, "dvc", "repro", "start")
    kills.run(top, "git", "add", "--all")
    kills.run(top, "git", "commit", "--quiet", "--message", "start")


def lay_out_digits(top: Path) -> None:
    """The pipeline up to `compare` on the digits, prepared: two networks with dropout, one epoch."""
    top.mkdir()
    recipe = kills.RECIPE | {"epochs": 1, "replicas": 1}
    kills.lay_out(top, recipe)
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params["models"]["leaky"] = recipe | {"activation": "leaky_relu"}
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    kills.run(top, "git", "commit", "--quiet", "--all", "--message", "two models")


def attempt(top: Path, targets: list[str], hit: str | None, after: float, draw: random.Random) -> dict[str, Any]:
    """Start `parallel` and hit it after so many seconds, unless it ends before. What came of it."""
    import psutil

    command = [sys.executable, "-m", "src", "parallel", "--jobs", str(JOBS), *targets]
    with (top / ".dvc/tmp/output.txt").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=top, env=kills.environment(), stdout=output, stderr=subprocess.STDOUT)
        try:
            process.wait(after if hit else None)
            hit = None
        except subprocess.TimeoutExpired:
            stages = psutil.Process(process.pid).children()
            if hit == KINDS[2]:
                hit = _kill_one(stages, draw)
            else:
                process.send_signal(signal.SIGKILL if hit == KINDS[0] else signal.SIGINT)
            process.wait()
        left = [stage for stage in stages if _is_alive(stage)] if hit == "Ctrl-C" else []
        output.seek(0)
        text = output.read()
    if process.returncode and not hit:
        raise RuntimeError(f"parallel failed:\n{text}")
    return {"hit": hit, "status": process.returncode, "left": len(left), "mended": kills.mend(top) if hit else []}


def _is_alive(process: Any) -> bool:
    """Whether it runs; one that has ended may be there until its new parent takes note."""
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill_one(stages: list[Any], draw: random.Random) -> str | None:
    """Kill one of the stages with its process group; None where none runs."""
    if not stages:
        return None
    try:
        os.killpg(draw.choice(stages).pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended, or is a call of DVC's without a group of its own
        return None
    return KINDS[2]


def series(top: Path, targets: list[str], seconds: float, draw: random.Random) -> list[dict[str, Any]]:
    """Hit the run a few times, then let it end."""
    hits = [draw.choice(KINDS) for _ in range(HITS)]
    attempts = [attempt(top, targets, hit, draw.uniform(0, seconds), draw) for hit in hits]
    return [*attempts, attempt(top, targets, None, 0, draw)]


def lock(top: Path) -> Any:
    """The stages of dvc.lock in their order, without the sums of what holds times and run ids."""
    stages = yaml.safe_load((top / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
        for entry in [*stage.get("deps", []), *stage.get("outs", [])]:
            if VOLATILE.match(entry["path"]):
                entry["md5"] = entry["size"] = None
    return list(stages.items())


def outcome(top: Path) -> dict[str, Any]:
    """What a run has left: dvc.lock, the files that are the same after every run, and whether DVC finds no change."""
    toy = [name for name in ("start", *BRANCHES, "end") if (top / name).exists()]
    files = {name: (top / name).read_bytes() for name in toy} | kills.results(top)
    status = subprocess.run(["dvc", "status"], cwd=top, env=kills.environment(), capture_output=True, text=True)
    return {"lock": lock(top), "files": files, "clean": "up to date" in status.stdout}


def measure(
    folder: Path, lay_out: Callable[[Path], None], targets: list[str], n_runs: int
) -> Iterator[list[dict[str, Any]]]:
    """The runs of one kind, each beside the serial one; gives them after each."""
    draw, prepared, serial, unbroken = random.Random(SEED), folder / "prepared", folder / "serial", folder / "unbroken"
    lay_out(prepared)
    for top in (serial, unbroken):
        shutil.copytree(prepared, top, symlinks=True)
    kills.run(serial, "dvc", "repro", *targets)
    expected = outcome(serial)
    start = time.perf_counter()
    attempt(unbroken, targets, None, 0, draw)
    seconds = time.perf_counter() - start
    runs: list[dict[str, Any]] = []
    for number in range(n_runs):
        top = folder / str(number)
        shutil.copytree(prepared, top, symlinks=True)
        attempts, found = series(top, targets, seconds, draw), outcome(top)
        same_bytes = (top / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes()
        equal = {kind: found[kind] == expected[kind] for kind in ("lock", "files", "clean")}
        runs.append({"attempts": attempts, **equal, "same_bytes": same_bytes})
        print(f"{number + 1} of {n_runs}: {runs[-1]}", flush=True)
        shutil.rmtree(top)
        yield runs


def summarise(runs: list[dict[str, Any]]) -> dict[str, int]:
    """Numbers over the runs of a kind."""
    attempts = [one for run in runs for one in run["attempts"]]
    hits = Counter(one["hit"] for one in attempts)
    return {
        "runs that ended": len(runs),
        **{kind: hits[kind] for kind in KINDS},
        "processes left after Ctrl-C": sum(one["left"] for one in attempts),
        "files of DVC's own that were cut and mended": sum(len(one["mended"]) for one in attempts),
        "`dvc status` clean": sum(run["clean"] for run in runs),
        "`dvc.lock` that of the serial run": sum(run["lock"] for run in runs),
        "byte by byte": sum(run["same_bytes"] for run in runs),
        "models, predictions and tables those of the serial run": sum(run["files"] for run in runs),
    }


def markdown(all_runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A table with a column for each kind."""
    columns = {kind: summarise(runs) for kind, runs in all_runs.items()}
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    rows = next(iter(columns.values()))
    return lines + [f"| {row} | {' | '.join(str(column[row]) for column in columns.values())} |" for row in rows]


def report(all_runs: dict[str, list[dict[str, Any]]]) -> None:
    """Write benchmarks/parallel.json and .md."""
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    write_json("benchmarks/parallel.json", {"on": on, "runs": all_runs})
    heading = [
        "# Side by side, with kills",
        "",
        f"{JOBS} jobs; each run was hit at most {HITS} times, then ended. `dvc.lock` is compared without the sums of",
        f"files that hold times and run ids, which the toy stages have none of. On {on}.",
        "",
    ]
    write_text("benchmarks/parallel.md", "\n".join([*heading, *markdown(all_runs), ""]))


def main() -> None:
    """Hit and compare -> benchmarks/parallel.json and .md."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
    all_runs: dict[str, list[dict[str, Any]]] = {}
    kinds: list[tuple[Callable[[Path], None], list[str]]] = [(lay_out_toy, []), (lay_out_digits, ["compare"])]
    for (name, n_runs), (lay_out, targets) in zip(RUNS.items(), kinds, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            for all_runs[name] in measure(Path(folder), lay_out, targets, n_runs):
                report(all_runs)
    print("\n".join(markdown(all_runs)))


if __name__ == "__main__":
    main()
