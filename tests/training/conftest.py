"""What several files here ask of JAX, which only a process of its own can have as Keras's backend."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import needs

ROOT = Path(__file__).parents[2]
TWO_DEVICES = "--xla_force_host_platform_device_count=2"
FAST_TO_COMPILE = "--xla_backend_optimization_level=0"


@pytest.fixture(scope="session")
def with_jax(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What tests/training/with_jax.py finds where TensorFlow is not installed."""
    needs.module("jax")
    without = tmp_path_factory.mktemp("without")
    (without / "tensorflow.py").write_text("raise ImportError", encoding="utf-8")
    own = os.environ | {
        "PYTHONPATH": f"{without}:{os.environ.get('PYTHONPATH', '')}",
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"{TWO_DEVICES} {FAST_TO_COMPILE}",
    }
    command = [sys.executable, "-m", "tests.training.with_jax"]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
