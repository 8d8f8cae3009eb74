"""A small model folder and a running server."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from src import classifiers
from src.pipeline.files import sha256
from src.serving.folder import LabelMeaning, Pictures, write_folder
from src.serving.promotion import Evidence
from src.training.device import software

ROOT = Path(__file__).parents[2]
SIDE = 28
LABELS = [
    LabelMeaning("0", ["Shirt", "Dress"], "assumed"),
    LabelMeaning("1", ["Bag"], "assumed"),
    LabelMeaning("2", [], "unknown"),
]
EVIDENCE: Evidence = {
    "model": "small",
    "seed": 1,
    "weights_sha256": "",
    "n_params": 100,
    "val_accuracy": 0.98,
    "n_images": 100,
    "images_sha256": "e" * 64,
    "wrong": [3, 7],
}


def images(n: int, seed: int = 0) -> np.ndarray:
    """(n, SIDE, SIDE) uint8 of noise that differ in brightness."""
    rng = np.random.default_rng(seed)
    return (rng.random((n, SIDE, SIDE)) * rng.integers(1, 256, (n, 1, 1))).astype(np.uint8)


def write_network(path: Path, seed: int = 1) -> Path:
    """An untrained network whose predictions differ between images."""
    import keras

    keras.utils.clear_session()  # it numbers models
    keras.utils.set_random_seed(seed)
    model = classifiers.build(
        shape=(SIDE, SIDE),
        classes=len(LABELS),
        architecture="dropout_cnn",
        activation="relu",
        dropout_conv1=0,
        dropout_conv2=0,
        dropout_dense1=0,
    )
    classifiers.save(model, str(path))
    return path


def write_example(place: Path, seed: int = 1) -> Path:
    """The MLflow folder of such a network, in a new folder."""
    network = write_network(place / "network.keras", seed)
    evidence = Evidence(**EVIDENCE | {"weights_sha256": sha256(network)})
    pictures = Pictures(images(20, seed=9), np.arange(20) % len(LABELS), "garment")
    write_folder(place / "model", network, software(), LABELS, pictures, evidence)
    return place / "model"


@contextmanager
def server(
    *command: str, cwd: Path, ready: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A process that serves, the rest of its line with `ready` in it, and its lines as they come; it is ended."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_", "PYTHONPATH"))}
    own |= {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}"} | environment
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=own,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    first: queue.Queue[str] = queue.Queue()

    def collect() -> None:
        for line in process.stderr or ():
            lines.append(line)
            if ready in line:
                first.put(line.split(ready)[1])

    reader = threading.Thread(target=collect)
    reader.start()
    try:
        deadline = time.monotonic() + 300
        while first.empty():
            assert process.poll() is None, "".join(lines)
            assert time.monotonic() < deadline, "".join(lines)
            time.sleep(0.05)
        yield process, first.get().strip(), lines
    finally:
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        if process.stderr:
            process.stderr.close()


def invocation(batch: Sequence[object] | np.ndarray) -> dict[str, object]:
    """The body of a request."""
    return {"inputs": batch.tolist() if isinstance(batch, np.ndarray) else batch}
