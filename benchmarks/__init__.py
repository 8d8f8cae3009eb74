"""Measurements of speed and memory; nothing of the pipeline depends on them."""

import subprocess
import sys
from collections.abc import Mapping


def run_python(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a Python process prints. Where it fails its errors are shown, and so is the failure."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, encoding="utf-8", env=env)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        done.check_returncode()
    return done.stdout
