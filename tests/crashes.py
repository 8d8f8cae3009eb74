"""Trainings whose process ends at its n-th write, fsync or replace, for every n, and their resumptions.

`python -m tests.crashes FOLDER` imports Keras once and forks a process for each. The epochs change every variable by
simple arithmetic in place of a training: what is tried here are the files. The points of both seeds are the same, and
each is tried in one of them, by turns.
"""

import gc
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from src import classifiers, train
from src.params import read_params
from src.pipeline import runner, tracking
from src.training import course, identity, recipe
from src.training.checkpoint import load

ROOT = Path(__file__).parents[1]
PARAMS = read_params(str(ROOT / "params.yaml"))
LOGGED = "logged.txt"  # the epochs that the MLflow runs were told of


def fake_fit(model: Any, *_: Any, first_epoch: int, epochs: int, seed: int, on_epoch: Any, **__: Any) -> None:
    """Epochs that depend on the state before, on the seed and on the epoch."""
    for epoch in range(first_epoch, epochs + 1):
        noise = np.random.default_rng([seed, epoch]).integers(1, 9)
        for variable in [*model.variables, *model.optimizer.variables]:
            value = keras.ops.convert_to_numpy(variable)
            variable.assign((value * 3 + noise).astype(value.dtype))
        loss = float(sum(np.abs(weights).sum() for weights in model.get_weights()))
        on_epoch(epoch, {"loss": loss, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.5})


def body(x: Any, activation: str) -> Any:
    """An architecture with little but every kind of state."""
    x = keras.layers.Dropout(0.5, name="dropout")(keras.layers.Flatten(name="flatten")(x))
    return keras.layers.Dense(2, activation, name="embedding")(x)


@contextmanager
def fake_run(*arguments: Any, run_id: str | None = None, **_: Any) -> Iterator[Any]:
    """An MLflow run that notes the epochs that it is told of, at once and for good."""
    name = arguments[1] if isinstance(arguments[1], str) else "parent"

    def log_epoch(epoch: int, logs: Any) -> None:
        with Path(LOGGED).open("a", encoding="utf-8") as file:
            file.write(f"{name} {epoch}\n")

    nothing: Callable[..., None] = lambda *_, **__: None  # noqa: E731
    rest = {"log_metrics": nothing, "log_dataset": nothing, "log_model": nothing}
    yield SimpleNamespace(id=run_id or name, log_epoch=log_epoch, **rest)


class Points:
    """Ends the process before its n-th write to a file that is kept, fsync or replace; notes all that came before."""

    def __init__(self, end_before: int | None) -> None:
        self.end_before, self.passed = end_before, list[str]()
        fsync, replace, open_file = os.fsync, os.replace, io.open
        points = self

        class Writer(io.BufferedWriter):
            def write(self, content: Any) -> int:
                points.pass_by("write")
                return super().write(content)

        def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            if mode == "wb" and ".unfinished" in str(file):
                return Writer(io.FileIO(file, "w"), buffer_size=1)
            return open_file(file, mode, *rest, **named)

        os.fsync = lambda number: self.pass_by("fsync", lambda: fsync(number))  # type: ignore[assignment]
        os.replace = lambda a, b: self.pass_by(f"replace {Path(b).suffix}", lambda: replace(a, b))  # type: ignore
        io.open = opened

    def pass_by(self, name: str, act: Callable[[], Any] = lambda: None) -> Any:
        """Do what comes, or end."""
        self.passed.append(name)
        if len(self.passed) == self.end_before:
            os._exit(9)
        return act()


def train_in(folder: Path, end_before: int | None = None, term_in: tuple[int, int] | None = None) -> int:
    """Train in a process of its own. Returns its status. term_in: the seed and epoch in which it gets a SIGTERM."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.chdir(folder)
    os.environ["DVC_ROOT"] = str(folder)
    sys.stdout = (folder / "out.txt").open("a", encoding="utf-8")
    model = {"architecture": "cm1", "activation": "relu", "optimizer": "adam", "learning_rate": 0.1, "batch_size": 9}
    model |= {"epochs": 2, "replicas": 4 if term_in else 2}
    params = PARAMS | {"models": {"tiny": model}, "device": "cpu"}
    course.time = SimpleNamespace(perf_counter=lambda: 0.0)  # type: ignore[assignment]
    points = Points(end_before)

    def fit(*arguments: Any, **named: Any) -> None:
        told = named["on_epoch"]

        def on_epoch(epoch: int, logs: Any) -> None:
            if (named["seed"], epoch) == term_in:
                os.kill(os.getpid(), signal.SIGTERM)
            told(epoch, logs)

        fake_fit(*arguments, **named | {"on_epoch": on_epoch})

    recipe.fit, classifiers.body = fit, lambda name: body  # type: ignore[assignment]
    tracking.training_run = tracking.parent_run = fake_run
    status = 0
    try:
        runner.run("train tiny", lambda: train.main(params, "tiny"))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        status = 1
    (folder / "points.json").write_text(json.dumps(points.passed), encoding="utf-8")
    sys.stdout.flush()
    os._exit(status)


def prepare(folder: Path) -> Path:
    """A folder with a few images."""
    (folder / "data").mkdir(parents=True)
    y = np.arange(20) % 2
    for split in ("train", "val"):
        x = np.full((20, 4, 4), 100, np.uint8)
        np.savez(folder / f"data/{split}.npz", x=x, y=y, labels=np.array(["left", "right"]))
    return folder


def results(folder: Path) -> dict[str, str]:
    """What the training leaves for DVC; how often it was resumed is left out."""
    files = [path for top in ("models", "metrics", "data/runs") for path in (folder / top).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): content(path) for path in sorted(files)}


def content(path: Path) -> str:
    """A file's bytes as text."""
    text = path.read_bytes().hex()
    if path.parent.name != "runs":
        return text
    report = json.loads(path.read_bytes())
    return json.dumps(report | {"seeds": [seed | {"n_resumed": 0} for seed in report["seeds"]]})


def kept_epochs(folder: Path) -> set[str]:
    """The epochs that are in the checkpoints, as in LOGGED."""
    found = [load(path) for path in (folder / ".checkpoints").glob("[!.]*.checkpoint")]
    rows = [row for known in found if known for row in known.record.history]
    return {f"tiny-seed{int(row['seed'])} {int(row['epoch'])}" for row in rows}


def logged_epochs(folder: Path) -> list[str]:
    """The epochs that the runs were told of."""
    path = folder / LOGGED
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def attempts(top: Path) -> Iterator[dict[str, Any]]:
    """Each point: how the process ended there, and whether its resumption leaves what an unbroken training does."""
    unbroken = prepare(top / "unbroken")
    assert train_in(unbroken) == 0  # noqa: S101
    expected = results(unbroken)
    names = json.loads((unbroken / "points.json").read_text(encoding="utf-8"))
    n_each = max(n for n in range(len(names) // 2 + 1) if names[:n] == names[n : 2 * n])  # points of a seed
    for number, name in enumerate(names, start=1):
        seed, position = divmod(number - 1, n_each)
        if seed < 2 and position % 2 != seed:
            continue
        folder = prepare(top / str(number))
        status = train_in(folder, end_before=number)
        kept, logged = kept_epochs(folder), logged_epochs(folder)
        resumed = train_in(folder)
        yield {
            "point": f"{number}: {name}",
            "status": status,
            "logged before they were kept": sorted(set(logged) - kept),
            "resumed": resumed,
            "trained again": sorted(kept & set(re_trained(folder))),
            "equal": results(folder) == expected,
            "never logged": sorted(kept_epochs(folder) - set(logged_epochs(folder))),
            "left": [str(path) for path in folder.rglob(".unfinished*")],
        }


def re_trained(folder: Path) -> list[str]:
    """The epochs that were shown twice."""
    lines = (folder / "out.txt").read_text(encoding="utf-8").splitlines()
    shown = [
        line.split(": ")[1].split("/")[0].replace(" epoch", "") for line in lines if " epoch " in line and "/" in line
    ]
    return [line for line in set(shown) if shown.count(line) > 1]


def main(top: Path) -> None:
    """Print the attempts as JSON; a training that is told to stop in its third replica of four is the last."""
    vars(identity)["distributions"] = list  # of all packages: a third of a second in each process
    gc.freeze()  # a collection in a forked process would copy all that is imported here
    found = list(attempts(top))
    folder, unbroken = prepare(top / "term"), prepare(top / "term unbroken")
    stopped = train_in(folder, term_in=(29, 2))
    kept, left = sorted(kept_epochs(folder)), sorted(results(folder))
    for top_of_four in (folder, unbroken):
        train_in(top_of_four, term_in=(0, 0))  # which never comes
    found.append({"status": stopped, "kept": kept, "left": left, "equal": results(folder) == results(unbroken)})
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
