"""What a training's numbers depend on, as one hash: an interrupted training goes on only where it is the same."""

import functools
import hashlib
import json
import operator
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml

from src.pipeline.files import sha256

CODE = Path(__file__).parents[2]
NUMERIC_PACKAGES = re.compile(r"keras|numpy|ml.dtypes|tensorflow.*|jax.*|torch|triton|nvidia.*", re.IGNORECASE)


def training_keys(
    model: str, params: Mapping[str, Any], recipes: Sequence[Mapping[str, Any]], device: str
) -> list[str]:
    """For the recipe and seed of each training of a model, 64 hexadecimal digits that change with its numbers.

    They hold the data and the code, which are the dependencies that dvc.yaml lists for the training, the device in
    words, the versions and the precision.
    """
    shared = {"files": file_digests(model, params), "environment": environment(device)}
    texts = [json.dumps({**shared, "recipe": recipe}, sort_keys=True) for recipe in recipes]
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def file_digests(model: str, params: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 digest of each file that the stage `train` of a model depends on; the code is that which runs."""
    train = yaml.safe_load((CODE / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["do"]
    values = {**params, "key": model, "item": params["models"][model]}
    digests = {}
    for template in train["deps"]:
        name = re.sub(r"\$\{([\w.]+)\}", lambda match: str(_value(values, match[1])), template)
        top = CODE / name if name.startswith("src/") else Path(name)
        for file in sorted(path for path in (top.rglob("*") if top.is_dir() else [top]) if not path.is_dir()):
            if "__pycache__" not in file.parts:
                digests[f"{name}/{file.relative_to(top)}"] = sha256(file)
    return digests


def environment(device: str) -> dict[str, Any]:
    """Device, versions and precision."""
    import keras

    versions = sorted(f"{package.name} {package.version}" for package in distributions())
    return {
        "device": device,
        "backend": keras.backend.backend(),
        "precision": [keras.config.floatx(), keras.config.dtype_policy().name, keras.config.epsilon()],
        "order of axes": keras.config.image_data_format(),
        "python": platform.python_version(),
        "libc": platform.libc_ver(),
        "packages": [name for name in versions if NUMERIC_PACKAGES.fullmatch(name.split()[0])],
    }


def _value(values: Mapping[str, Any], name: str) -> Any:
    """What stands for `${a.b}` in dvc.yaml."""
    return functools.reduce(operator.getitem, name.split("."), values)
