"""Fixtures shrink the real configuration; there is no second one."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from src.params import read_params

settings.register_profile("same every time", derandomize=True, database=None, deadline=None)
settings.load_profile("same every time")


@pytest.fixture
def params() -> dict[str, Any]:
    """The real params.yaml, checked; each test has its own copy."""
    return read_params(str(Path(__file__).parents[1] / "params.yaml"))
