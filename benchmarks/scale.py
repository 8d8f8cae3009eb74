"""What more images cost: the stages that look at all images of a split at once, on the last so many of all."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from src.images.splits import SPLITS, class_names, garment_names, garments, read
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.training.device import setup_device, software

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 20_000, 40_000, 70_000)
STAGES = ("embed", "cluster", "stability")
Run = dict[str, float]


def lay_out(folder: Path, images: int, params: dict[str, Any]) -> None:
    """Fill a folder with what the stages read: params.yaml with split `all`, one encoder, so many of the images."""
    (x, y), known, labels, names = read("all"), garments("all"), np.array(class_names()), np.array(garment_names())
    parts = dict(zip(SPLITS, np.array_split(np.arange(len(y))[-images:], len(SPLITS)), strict=True))
    (folder / "data").mkdir()
    for split, rows in parts.items():
        np.savez(folder / f"data/{split}.npz", x=x[rows], y=y[rows], labels=labels)
    by_split = {split: known[rows] for split, rows in parts.items()}
    np.savez(folder / "data/garments.npz", allow_pickle=False, names=names, **by_split)
    encoder = Path(f"models/{params['embed']['model']}/{params['seed']}.keras")
    (folder / encoder).parent.mkdir(parents=True)
    shutil.copy(encoder, folder / encoder)
    write_json(folder / f"data/runs/{params['embed']['model']}.json", {"seeds": [{"seed": params["seed"]}]})
    text = yaml.safe_dump(params | {"embed": params["embed"] | {"split": "all"}})
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def measure(module: Sequence[str], folder: Path) -> Run:
    """Run a module with arguments in a folder, in a process. Returns wall and CPU seconds, and peak memory in GB."""
    start = time.perf_counter()
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=folder, env=here)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_gb": used.ru_maxrss / 1e6,
    }


def markdown(sizes: dict[str, dict[str, Run]]) -> list[str]:
    """A table with a row for each stage and number of images."""
    lines = ["| Images | Stage | Time | CPU | Peak memory |", "|---:|---|---:|---:|---:|"]
    for images, stages in sizes.items():
        for stage, run in stages.items():
            cost = f"{run['seconds']:.0f} s | {run['cpu_seconds']:.0f} s | {run['peak_gb']:.2f} GB"
            lines.append(f"| {int(images):,} | {stage} | {cost} |")
    return lines


def main() -> None:
    """Measure all stages with all numbers of images -> benchmarks/scale.json and .md."""
    params = read_params()
    sizes: dict[str, dict[str, Run]] = {}
    for images in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            lay_out(Path(folder), images, params)
            sizes[str(images)] = {}
            for stage in STAGES:
                sizes[str(images)][stage] = measure(["src", stage], Path(folder))
                print(f"{images:,} {stage}: {sizes[str(images)][stage]['seconds']:.0f} s", flush=True)
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}, scikit-learn {version('scikit-learn')}"
    write_json("benchmarks/scale.json", {"on": on, "images": sizes})
    lines = markdown(sizes)
    write_text("benchmarks/scale.md", "\n".join(["# More images", "", f"One run of each. On {on}.", "", *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
