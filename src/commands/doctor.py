"""Say what is wrong here and how to mend it: packages, data, DVC, git, stores, devices, room."""

import argparse
import sys
from collections.abc import Callable

from src.health import cuda, dvc_state, environment, machine, repository, stores
from src.health.check import Check
from src.pipeline.runner import run

CHECKS: dict[str, Callable[[], Check]] = {
    "Python": environment.python_version,
    "packages": environment.packages,
    "cuDNN": cuda.cudnn,
    "CUDA": cuda.libraries,
    "Keras": environment.keras_settings,
    "git": repository.git,
    "DVC's locks": dvc_state.running,
    "dvc.lock": dvc_state.lock_file,
    "data": dvc_state.data,
    "unfinished": repository.unfinished,
    "MLflow": stores.mlflow_store,
    "spool": stores.spool,
    "checkpoints": stores.checkpoints,
    "disk": machine.disk,
    "memory": machine.memory,
    "device": machine.devices,
}
SLOW = {"CUDA", "device"}  # which load TensorFlow


def main(arguments: list[str]) -> None:
    """Print a line for each check; the exit status is 1 where something is broken, and left so."""
    parser = argparse.ArgumentParser(prog="python -m src doctor", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="mend what can be mended without losing anything")
    parser.add_argument("--quick", action="store_true", help="skip CUDA and the device, for which TensorFlow is loaded")
    chosen = parser.parse_args(arguments)
    names = [name for name in CHECKS if not (chosen.quick and name in SLOW)]
    run("doctor", lambda: examine(names, fix=chosen.fix))


def examine(names: list[str], *, fix: bool) -> None:
    """Make these checks, print what they say, and mend what they can. Exits with status 1 where something is broken."""
    broken = []
    for name in names:
        check = _made(name)
        if fix and check.fix:
            _print(name, check)
            check = _mended(name, check, check.fix)
        _print(name, check)
        broken += [name] if check.state == "broken" else []
    if broken:
        sys.exit(f"doctor: broken: {', '.join(broken)}")


def _made(name: str) -> Check:
    """What a check says; one that fails itself is broken."""
    try:
        return CHECKS[name]()
    except Exception as error:
        return Check("broken", f"cannot be checked: {type(error).__name__}: {error}", "look into what it names")


def _mended(name: str, check: Check, fix: Callable[[], object]) -> Check:
    """What a check says after its fix; where that fails, what it said, and why."""
    try:
        fix()
    except Exception as error:  # the other checks go on
        reason = f"{check.says}, and --fix fails: {type(error).__name__}: {error}"
        return check._replace(state="broken", says=reason)
    return _made(name)


def _print(name: str, check: Check) -> None:
    print(f"{check.state:<8} {name:<12} {' '.join(check.says.split())}.", flush=True)
    if check.mend and check.state != "ok":
        print(f"{'':<8} {'':<12} To mend it: {check.mend}", flush=True)
