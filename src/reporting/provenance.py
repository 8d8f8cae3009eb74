"""How the results were made: data, hardware, commit, versions and params."""

import platform
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from src.comparison.runs import Run
from src.pipeline import origin
from src.reporting.results import Results

SOURCES = {
    "fashion_mnist": "Fashion-MNIST",
    "digits": "scikit-learn's digits, scaled up to 28 x 28 pixels",
    "csv": "your own CSV files",
    "images": "your own pictures",
    "npz": "your own arrays",
    "parquet": "your own Parquet files",
}
FOLDERS = ("fetch.folder", "fetch.public")  # whole keys of params.yaml that may name one
HIDDEN = "a folder on the machine that ran it"


def build_origin(results: Results, runs: Mapping[str, list[Run]]) -> dict[str, str]:
    """How the results were made, {what: text}."""
    commit, changed = origin.source()
    rows, trainings = results.models.values(), [run for seeds in runs.values() for run in seeds]
    minutes = sum(run.train_seconds for run in trainings) / 60
    duration = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{60 * minutes:.0f} seconds"
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = [re.split(r"[^\w.-]", needed)[0] for needed in project["dependencies"]]
    return {
        "Images": SOURCES[results.fetched["source"]],
        "Trained on": "; ".join(sorted({row["device"] for row in rows})),
        "Trained with": "; ".join(sorted({row["software"] for row in rows})),
        "Training": f"{len(trainings)} runs, {duration} in all",
        "Page made at commit": commit + (", with changes that were not committed" if changed else ""),
        "Page made with": ", ".join([f"Python {platform.python_version()}", *installed_versions(packages)]),
    }


def installed_versions(packages: Iterable[str]) -> Iterator[str]:
    """Name and version of each package that is installed: with another Keras backend, TensorFlow need not be."""
    for name in packages:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"


def shown_params(text: str, params: Mapping[str, Any]) -> str:
    """The text of params.yaml; where it names a folder of the one who ran it, the values alone, without that folder."""
    fetch = {key: shown_value(f"fetch.{key}", value) for key, value in params["fetch"].items()}
    if fetch == params["fetch"]:
        return text
    # YAML writes a value in many ways, and a comment may hold it too.
    return yaml.safe_dump({**params, "fetch": fetch}, sort_keys=False, allow_unicode=True)


def shown_value(key: str, value: Any) -> Any:
    """The value of a whole key of params.yaml, or in its place that it is a folder of the one who ran it."""
    return HIDDEN if key in FOLDERS and value not in (None, "auto", "none") else value
