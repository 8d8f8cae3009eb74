"""What some tests need and a machine may lack: there they are skipped, but fail in CI, which has all of it."""

import importlib
import os
from types import ModuleType
from typing import NoReturn

import pytest


def lacking(reason: str) -> NoReturn:
    """Skip the test for this reason; fail in CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def module(name: str) -> ModuleType:
    """An installed module."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        lacking(f"needs {name}: pip install --require-hashes -r requirements-dev.txt")
