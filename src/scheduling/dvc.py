"""What DVC's commands and files say of the stages, and the order of dvc.lock."""

import fcntl
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from src.pipeline.files import UserError, durable_write
from src.pipeline.yaml_files import read_yaml
from src.scheduling.graph import Graph, parse_dag

UP_TO_DATE = "Data and pipelines are up to date"


def read_graph() -> Graph:
    """The graph of dvc.yaml. Raises UserError."""
    return parse_dag(_dvc("dag", "--dot"))


def changed_stages() -> set[str]:
    """The stages whose command, params, dependencies or outputs are not those of dvc.lock. Raises UserError."""
    return set(json.loads(_dvc("status", "--json")))


def command(*arguments: str) -> list[str]:
    """A command of DVC's, which waits as long as another has DVC's lock."""
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]


def _dvc(*arguments: str) -> str:
    """What a DVC command prints. Raises UserError where it fails."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True)
    if done.returncode:
        lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        reason = (lines or [f"exit status {done.returncode}"])[0]
        raise UserError(f"DVC must be able to read the pipeline. {reason} (python -m src doctor says more).")
    return done.stdout


def device_stages(graph: Graph) -> set[str]:
    """The stages that compute on the device that params.yaml names: `device` is among their params in dvc.yaml."""
    return {name for name in graph if "device" in _definition(name).get("params", [])}


def uncached(stage: str) -> list[str]:
    """The files of a stage that git keeps: outputs with `cache: false`."""
    definition, key = _definition(stage), stage.partition("@")[2]
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in definition.get(kind, [])]
    options = {path: known for entry in entries if isinstance(entry, dict) for path, known in entry.items()}
    return [path.replace("${key}", key) for path, known in options.items() if not known.get("cache", True)]


def _definition(stage: str) -> dict[str, Any]:
    """What dvc.yaml has for a stage, or for its group."""
    defined: dict[str, Any] = read_yaml("dvc.yaml")["stages"][stage.split("@")[0]]
    return defined.get("do", defined)


def remote() -> str:
    """The name of DVC's default remote; empty where there is none."""
    done = subprocess.run([sys.executable, "-m", "dvc", "config", "core.remote"], capture_output=True, text=True)
    return done.stdout.strip()


@cache
def _cache_folder() -> Path:
    return Path(_dvc("cache", "dir").strip())


def keep(content: bytes) -> None:
    """Put a file into DVC's cache, as `dvc add` would."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    path = _cache_folder() / "files/md5" / digest[:2] / digest[2:]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with durable_write(path) as file:
            file.write(content)


def sort_lock(graph: Graph) -> None:
    """Bring the stages in dvc.lock into the order that a serial run gives them.

    DVC adds a new stage at the end: a serial run those of the committed file first, the others in dvc.yaml's order.
    """
    path = Path("dvc.lock")
    with locked():
        text = path.read_text(encoding="utf-8")
        arranged = arrange(text, [*_committed_stages(), *graph])
        if arranged != text:
            with durable_write(path) as file:
                file.write(arranged.encode())


@contextmanager
def locked() -> Iterator[None]:
    """Hold DVC's lock: no DVC writes dvc.lock meanwhile."""
    with Path(".dvc/tmp/lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def arrange(text: str, order: Sequence[str]) -> str:
    """The text of a dvc.lock with its stages in this order, in which the first place of a name counts."""
    head, *blocks = re.split(r"^(?=  \S)", text, flags=re.MULTILINE)
    places = {name: place for place, name in reversed([*enumerate(order)])}
    return "".join([head, *sorted(blocks, key=lambda block: places.get(_name(block), len(order)))])


def _name(block: str) -> str:
    """The stage of a block of dvc.lock."""
    return block.split("\n")[0].strip().removesuffix(":").strip("'\"")


def _committed_stages() -> list[str]:
    """The stages of the committed dvc.lock; none without git, a commit or the file."""
    command = ["git", "show", "HEAD:./dvc.lock"]
    try:
        text = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [_name(block) for block in re.split(r"^(?=  \S)", text, flags=re.MULTILINE)[1:]]
