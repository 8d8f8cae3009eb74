"""Python, its packages and Keras's settings."""

import json
import os
import platform
import shutil
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from src.health.check import Check
from src.pipeline.files import repository_root

SHOWN = 5  # packages


def python_version() -> Check:
    """Whether the project allows this Python, and whether it is the one that DVC's stages would run."""
    from packaging.specifiers import SpecifierSet

    allowed = tomllib.loads((repository_root() / "pyproject.toml").read_text(encoding="utf-8"))
    required, ours = allowed["project"]["requires-python"], platform.python_version()
    on_path = shutil.which("python")
    if ours in SpecifierSet(required):
        if on_path and Path(on_path).parent == Path(sys.executable).parent:
            return Check("ok", ours)
        says = f"{ours}, but stages would run {on_path or 'none'}: `python` on the path is another"
        return Check("warning", says, f"source {Path(sys.executable).parent}/activate")
    return Check("broken", f"must be {required}. Got {ours}", "make PYTHON=python3.11, after rm -r .venv")


def packages() -> Check:
    """Whether all packages have the locked versions; those for a GPU too, where they are installed."""
    locks = ["requirements.txt"]
    if installed("nvidia-cudnn-cu12"):
        locks.append("requirements-gpu.txt")
    locked = {name: wanted for lock in locks for name, wanted in read_lock(repository_root() / lock).items()}
    wrong = [
        f"{name} {installed(name) or 'missing'} (not {wanted})"
        for name, wanted in locked.items()
        if installed(name) != wanted
    ]
    if not wrong:
        return Check("ok", f"{len(locked)} as locked in {' and '.join(locks)}")
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    mend = f"pip install --require-hashes -r {locks[-1]}"
    return Check("broken", f"{len(wrong)} of {len(locked)} differ: {', '.join(wrong[:SHOWN])}{more}", mend)


def read_lock(path: Path) -> dict[str, str]:
    """The version of each package in a lock that this machine needs."""
    from packaging.requirements import Requirement

    lines = [line.removesuffix("\\") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line]
    needed = [Requirement(line) for line in lines]
    return {
        package.name: str(package.specifier).removeprefix("==")
        for package in needed
        if package.marker is None or package.marker.evaluate()
    }


def installed(name: str) -> str | None:
    """The version of a package; None without it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def keras_settings() -> Check:
    """Whether the user's keras.json is Keras's own: code outside the pipeline, such as a notebook, obeys it."""
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    own = {"floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-07}
    if not path.is_file():
        return Check("ok", "Keras's own")
    settings = json.loads(path.read_text(encoding="utf-8"))
    other = [f"{key}: {settings[key]}" for key, value in own.items() if settings.get(key, value) != value]
    if other:
        return Check("warning", f"{path} has {', '.join(other)}, with which a model gives other numbers", f"rm {path}")
    return Check("ok", str(path))
