"""What `dvc repro` takes with nothing to do, in a clone of the repository with small files for data and models."""

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.scale import ROOT, Run, measure
from src.pipeline.files import write_json, write_text
from src.training.device import setup_device

ROUNDS = 5
DONE = "Data and pipelines are up to date."


def dvc(*arguments: str, folder: Path) -> str:
    """What DVC prints."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout


def lay_out(folder: Path) -> int:
    """A clone of the last commit in which every file that a stage needs or makes exists and is recorded.

    Returns the number of files and folders that DVC looks at.
    """
    from dvc.repo import Repo

    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    with Repo(str(folder)) as repo:
        parts = [*repo.index.deps, *repo.index.outs]
    for path in sorted((Path(part.fs_path) for part in parts), key=lambda path: len(path.parts), reverse=True):
        if not path.exists():  # files in a folder come before the folder
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.name, encoding="utf-8")
    dvc("commit", "--force", folder=folder)
    dvc("repro", folder=folder)
    return len(parts)


def main() -> None:
    """Measure some runs -> benchmarks/nothing.json and .md."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "clone")
        parts = lay_out(folder)
        if DONE not in dvc("status", folder=folder):
            raise RuntimeError("There must be nothing to do.")
        runs: list[Run] = [measure(["dvc", "repro", "--quiet"], folder) for _ in range(ROUNDS)]
    device = setup_device(seed=0, device="cpu", threads=None)
    on = f"{device}; dvc {version('dvc')}, ruamel.yaml {version('ruamel.yaml')}, YAML in C: {yaml_in_c()}"
    write_json("benchmarks/nothing.json", {"on": on, "parts": parts, "runs": runs})
    wall, cpu = (median(run[key] for run in runs) for key in ("seconds", "cpu_seconds"))
    text = f"With {parts} dependencies and outputs `dvc repro` takes {wall:.2f} s, {cpu:.2f} s of them computing."
    lines = ["# Nothing to do", "", f"Medians of {ROUNDS}. On {on}.", "", text, ""]
    write_text("benchmarks/nothing.md", "\n".join(lines))
    print(text)


def yaml_in_c() -> str:
    """Whether DVC's YAML is parsed in C: it reads dvc.lock twice and params.yaml once for every stage."""
    from ruamel.yaml.main import CParser

    return "no" if CParser is None else "yes"


if __name__ == "__main__":
    main()
