"""A checkpoint: all that a training needs to go on after a finished epoch, in one file that is whole or not there.

The file is the SHA-256 digest of a .npz, then the .npz: the record as JSON and the variables in Keras's order. Keras's
own files would lack the states of the seed generators, which dropout draws from.
"""

import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.pipeline.files import durable_write

if TYPE_CHECKING:
    import keras

DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass
class Record:
    """What is known of a training beside its numbers.

    history: a row for each finished epoch. train_seconds: of the finished epochs. n_resumed: how often it went on after
    an interruption. run_id, parent_id: of its MLflow run and of the run that this belongs to. closed: whether the
    training is finished and its run told so.
    """

    run_id: str | None = None
    parent_id: str | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    train_seconds: float = 0
    n_resumed: int = 0
    closed: bool = False


@dataclass
class Checkpoint:
    """A checkpoint that was read: its record, and the names and values of the variables."""

    record: Record
    names: list[str]
    values: list[np.ndarray]


def state(model: "keras.Model", *, finished: bool) -> list[Any]:
    """The variables that a training goes on from; when it is finished, without those of the (built) optimizer."""
    return [*model.variables, *([] if finished else model.optimizer.variables)]


def write(path: Path, record: Record, variables: Sequence[Any]) -> None:
    """Write a checkpoint. Raises OSError."""
    import keras

    content = json.dumps({"record": asdict(record), "names": _names(variables)}).encode()
    values = {f"v{number}": keras.ops.convert_to_numpy(variable) for number, variable in enumerate(variables)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, content=np.frombuffer(content, np.uint8), **values)
    with durable_write(path) as file:
        file.write(hashlib.sha256(buffer.getbuffer()).digest())
        file.write(buffer.getbuffer())


def load(path: Path) -> Checkpoint | None:
    """What `write` wrote; None, told in a line, where the file is damaged, and None where there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, payload = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        print(f"train: {path} is damaged: the training starts over.", flush=True)
        return None
    with np.load(io.BytesIO(payload), allow_pickle=False) as file:
        known = json.loads(file["content"].tobytes())
        values = [file[f"v{number}"] for number in range(len(known["names"]))]
    return Checkpoint(Record(**known["record"]), known["names"], values)


def assign(checkpoint: Checkpoint, variables: Sequence[Any]) -> bool:
    """Give the variables the checkpoint's values. False, and nothing given, where names, shapes or types differ."""
    import keras

    ours = [(variable.shape, keras.backend.standardize_dtype(variable.dtype)) for variable in variables]
    theirs = [(value.shape, str(value.dtype)) for value in checkpoint.values]
    if checkpoint.names != _names(variables) or ours != theirs:
        return False
    for variable, value in zip(variables, checkpoint.values, strict=True):
        variable.assign(value)
    return True


def _names(variables: Sequence[Any]) -> list[str]:
    """The variables' paths, without the numbers by which Keras tells a process's models and optimizers apart."""
    return [re.sub(r"_\d+(?=[/_])", "", variable.path) for variable in variables]
