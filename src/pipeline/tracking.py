"""MLflow runs of a training, its model and the report, as a stage writes them: to the spool, never to a store.

A process of its own, `python -m src sync`, sends them (src/pipeline/sender.py). So no stage imports MLflow, waits for a
server or fails with it.
"""

import atexit
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from src.pipeline import origin, spool
from src.pipeline.files import repository_root

DESCRIPTION = "mlflow.note.content"  # which MLflow shows above a run, as Markdown
# MLflow's limits, in characters. What is longer it cuts by itself, and the sender would miss the rest for ever.
MAX_KEY = 240  # of 250: where a run goes on with another parameter, a tag has `resumed.` before its name
MAX_PARAM = 6000
MAX_TAG = 8000
PATIENCE = 1.0  # seconds that a stage waits at its end for what it wrote to be sent

_senders: list[subprocess.Popen[bytes]] = []  # those that this process started
_paths: list[Path] = []  # what it wrote


class Run:
    """An MLflow run that this process writes to. `id` is ours: MLflow has it as the tag `pipeline.run_id`."""

    def __init__(self, run_id: str, writer: spool.Writer) -> None:
        self.id, self.writer = run_id, writer

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0, dataset: str | None = None) -> None:
        """Log numbers; of a model on a dataset of the run, if its name is given."""
        values = {_key(name): float(value) for name, value in metrics.items()}
        self.writer.append({"event": "metrics", "time": _now(), "step": step, "values": values, "dataset": dataset})

    def log_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Log a training's loss and accuracy after an epoch, as a point of the curves `epoch_...`.

        A resumed training may log an epoch again: the store keeps one point.
        """
        self.log_metrics({f"epoch_{name}": value for name, value in logs.items()}, step=epoch)

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags."""
        self.writer.append({"event": "tags", "tags": _texts(tags, MAX_TAG)})

    def log_artifact(self, path: str) -> None:
        """Keep a copy of a file with the run."""
        self.writer.attach(path, {"event": "artifact"})

    def log_dataset(self, name: str, context: str, x: np.ndarray, y: np.ndarray) -> None:
        """Log the data of data/NAME.npz as an input: images and numbers of labels, n each.

        context: what they are for, `training`, `validation` or `testing`.
        """
        digest = hashlib.sha256(np.ascontiguousarray(x).data)
        digest.update(np.ascontiguousarray(y).data)
        tensors = {"features": x, "targets": y}
        schema = {
            kind: json.dumps([{"type": "tensor", "tensor-spec": {"dtype": str(a.dtype), "shape": [-1, *a.shape[1:]]}}])
            for kind, a in tensors.items()
        }
        profile = {"images": len(y), "labels": len(np.unique(y)), "images_of_each_label": np.bincount(y).tolist()}
        dataset = {
            "name": name,
            "digest": digest.hexdigest()[:16],
            "source_type": "local",
            "source": json.dumps({"uri": f"data/{name}.npz"}),
            "schema": json.dumps({"mlflow_tensorspec": schema}),
            "profile": json.dumps(profile),
        }
        self.writer.append({"event": "dataset", "context": context, "dataset": dataset})

    def log_model(self, path: str, *, shape: tuple[int, ...], classes: int, backend: str) -> None:
        """Log a .keras file as a model that takes uint8 images and returns (n, classes) float32 probabilities.

        shape: of an image. backend: of Keras, as in KERAS_BACKEND.
        """
        versions = {"keras": version("keras"), backend: version(backend)}
        facts = {"shape": shape, "classes": classes, "backend": backend, "versions": versions}
        self.writer.attach(path, {"event": "model"} | facts)


@contextmanager
def parent_run(model: str, params: Mapping[str, Any], run_id: str | None = None) -> Iterator[Run]:
    """The run that stands above the runs of a model's seeds; as `training_run`."""
    description = (
        f"The model `{model}`: each seed's training is a run below, whose recipe is here.\n\n"
        "Metrics are **means over the seeds**, `..._sd` their standard deviations; the stage `evaluate` adds them."
    )
    with _own_run(model, {"model": model, DESCRIPTION: description}, params, run_id=run_id) as run:
        yield run


@contextmanager
def training_run(
    model: str, name: str, params: Mapping[str, Any], *, run_id: str | None = None, parent_id: str | None = None
) -> Iterator[Run]:
    """A run of that name for a training of a model with these params, `seed` among them; as `new_run`.

    run_id: of the run to go on with, where an earlier process was interrupted. parent_id: of the `parent_run`.
    """
    seed = params["seed"]
    description = (
        f"Training of the model `{model}` from seed {seed}, by the stage `train`.\n\n"
        f"- weights: `models/{model}/{seed}.keras`, and here as a logged model\n"
        f"- loss and accuracy of each epoch: `metrics/train/history/{model}.csv`, and here the curves `epoch_...`\n"
        "- scores and times of the trained model: added by the stage `evaluate`\n"
    )
    tags = {"model": model, DESCRIPTION: description}
    with _own_run(name, tags, params, run_id=run_id, parent_id=parent_id, monitored=True) as run:
        yield run


@contextmanager
def new_run(
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, Any],
    *,
    run_id: str | None = None,
    parent_id: str | None = None,
) -> Iterator[Run]:
    """A new run, FINISHED when the block ends well and FAILED when it does not; KILLED where the process is killed.

    run_id: of the run to go on with, if it is there. parent_id: of the run that it belongs to.
    """
    with _own_run(name, tags, params, run_id=run_id, parent_id=parent_id) as run:
        yield run


@contextmanager
def resumed_run(model: str, name: str, run_id: str) -> Iterator[Run]:
    """The run of a trained model, to add to; its times and status stay.

    Where the store lacks that run (a restored model, a new store), a new one stands for it.
    """
    description = (
        f"Scores of the model `{model}`. It was trained in a run that this store lacks: `pipeline.run_id` is its id."
    )
    tags = {"model": model, DESCRIPTION: description}
    with _writing({"own": False, "id": run_id, "name": name, "tags": _texts(tags | origin.tags(), MAX_TAG)}) as run:
        yield run


@contextmanager
def _own_run(
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, Any],
    *,
    run_id: str | None = None,
    parent_id: str | None = None,
    monitored: bool = False,
) -> Iterator[Run]:
    """A run whose status is this process's: its end is written when the block ends."""
    header = {
        "own": True,
        "id": run_id or uuid.uuid4().hex,
        "name": name,
        "parent": parent_id,
        "monitored": monitored,
        "tags": _texts({**tags, **origin.tags()}, MAX_TAG),
        "params": _texts(params, MAX_PARAM),
    }
    with _writing(header) as run:
        start_sender()
        try:
            yield run
        except BaseException:
            run.writer.append({"event": "end", "time": _now(), "status": "FAILED"})
            raise
        run.writer.append({"event": "end", "time": _now(), "status": "FINISHED"})


@contextmanager
def _writing(header: spool.Event) -> Iterator[Run]:
    """A run whose events go to a new file of the spool."""
    if not _paths:
        atexit.register(settle)
    writer = spool.Writer(header["id"], {"event": "run", "time": _now()} | header)
    _paths.append(writer.path)
    try:
        yield Run(header["id"], writer)
    finally:
        writer.close()


def start_sender() -> None:
    """Start the process that sends what is in the spool, unless one that this process started still runs."""
    if any(sender.poll() is None for sender in _senders):
        return
    root = repository_root()
    here = root if (root / "src" / "commands").is_dir() else Path(__file__).parents[2]  # a temporary copy may vanish
    variables = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}  # it outlives DVC
    nowhere = subprocess.DEVNULL  # a pipe that it kept open would make whoever reads this stage's output wait for it
    try:
        sender = subprocess.Popen(
            [sys.executable, "-m", "src", "sync", "--follow"],
            cwd=here,
            env=variables | {"DVC_ROOT": str(root)},
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            start_new_session=True,  # it outlives the stage, and Ctrl-C is not for it
        )
    except OSError as error:
        spool.set_trouble(f"No process for it could be started: {error.strerror}.")
    else:
        _senders.append(sender)


def settle() -> None:
    """At a stage's end: give a sender that runs a second, start one where there is none, and tell what fails."""
    deadline = time.monotonic() + PATIENCE
    while _unsent() and any(sender.poll() is None for sender in _senders) and time.monotonic() < deadline:
        time.sleep(0.02)
    if not _unsent():
        return
    start_sender()
    if trouble := spool.trouble():
        advice = "The runs wait in .spool; the next stage sends them, or `python -m src sync`."
        print(f"{trouble} {advice}", file=sys.stderr)


def _unsent() -> bool:
    """Whether something that this process wrote still waits."""
    return any(path.exists() for path in _paths)


def _texts(values: Mapping[str, object], longest: int) -> dict[str, str]:
    """Params or tags as MLflow takes them, no text longer than that."""
    texts = {_key(name): str(value) for name, value in values.items()}
    return {key: text if len(text) <= longest else f"{text[: longest - 3]}..." for key, text in texts.items()}


def _key(name: str) -> str:
    """A name as MLflow takes it, another one for each name: that of a label may be long, or hold anything.

    Characters that MLflow refuses become their hexadecimal code, so that `c#` is `c_23_` and `c+` is `c_2b_`. Parts of
    a path that lead nowhere or up get a `_` on both sides.
    """
    parts = re.sub(r"[^\w/. :-]", lambda match: f"_{ord(match[0]):x}_", name).split("/")
    key = "/".join(f"_{part}_" if part in ("", ".") or part.startswith("..") else part for part in parts)
    return key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 17]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _now() -> int:
    """Milliseconds since 1970, as MLflow counts them."""
    return int(time.time() * 1000)
