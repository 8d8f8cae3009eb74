"""What several files here ask of JAX, which only a process of its own can have as Keras's backend."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def with_jax() -> dict[str, Any]:
    """What tests/training/with_jax.py finds."""
    pytest.importorskip("jax")
    command = [sys.executable, "-m", "tests.training.with_jax"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
