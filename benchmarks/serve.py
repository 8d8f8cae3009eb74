"""The server under load from another process, beside plain `mlflow models serve` of the same folder, by turns."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import run_python
from src import classifiers
from src.params import read_params
from src.pipeline.files import sha256, write_json, write_text
from src.serving.folder import LabelMeaning, Pictures, write_folder
from src.serving.pictures import FASHION_MNIST
from src.serving.server import bind
from src.training.device import setup_device, software

MODEL = "cnn1"  # of params.yaml; weights as before training, which take the same time
SIDE, LABELS = 28, [LabelMeaning(str(label), [], "unknown") for label in range(5)]
ROUNDS, SECONDS, CLIENTS, BATCHES = 3, 5.0, 4, (1, 64)
READY_SECONDS = 120
SERVERS = {
    "plain": ("mlflow", "models", "serve", "--env-manager", "local", "-m"),
    "ours": ("src", "serve", "--model"),
}


def write_model(place: Path) -> Path:
    """The MLflow folder of the model."""
    import keras

    recipe = read_params()["models"][MODEL]
    keras.utils.set_random_seed(0)
    body = {key: recipe[key] for key in ("architecture", "activation")}
    network = place / "network.keras"
    classifiers.save(classifiers.build(shape=(SIDE, SIDE), classes=len(LABELS), **body), str(network))
    x = np.random.default_rng(0).integers(0, 256, (2000, SIDE, SIDE), dtype=np.uint8)
    evidence: Any = {"model": MODEL, "seed": 0, "weights_sha256": sha256(network), "n_params": 0, "val_accuracy": 0.0}
    pictures = Pictures(x, np.arange(2000) % 5, FASHION_MNIST.fit)
    write_folder(place / "model", network, software(), LABELS, pictures, evidence)
    return place / "model"


@contextmanager
def running(command: tuple[str, ...], folder: Path) -> Iterator[tuple[int, int]]:
    """A server of the folder; its port and its process, when it answers."""
    with bind("127.0.0.1", 0) as place:
        port = int(place.getsockname()[1])
    arguments = [sys.executable, "-m", *command, str(folder), "--port", str(port)]
    own = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        process = subprocess.Popen(arguments, env=own, stderr=nowhere, stdout=nowhere, start_new_session=True)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/ping")
                connection.getresponse()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.2)
            finally:
                connection.close()
        yield port, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and those that it started."""
    import psutil

    process = psutil.Process(pid)
    return sum(sum(part.cpu_times()[:2]) for part in (process, *process.children(recursive=True)))


def load(port: int, batch: int) -> list[float]:
    """Seconds of each request of CLIENTS that each ask again as soon as they are answered, for SECONDS."""
    images = np.random.default_rng(1).integers(0, 256, (batch, SIDE, SIDE)).tolist()
    body, taken = json.dumps({"inputs": images}), list[float]()
    end = time.perf_counter() + SECONDS

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() < end:
            start = time.perf_counter()
            connection.request("POST", "/invocations", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {content[:200]!r}")
            taken.append(time.perf_counter() - start)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def measure(port: int, pid: int, batch: int) -> dict[str, float]:
    """Images a second, percentiles of the seconds of a request, and the server's CPU seconds for 1,000 images."""
    before, start = cpu_seconds(pid), time.perf_counter()
    taken = json.loads(run_python("-m", "benchmarks.serve", str(port), str(batch)))
    passed, images = sum(taken) / CLIENTS, len(taken) * batch
    p50, p99 = np.percentile(taken, (50, 99))
    cpu = (cpu_seconds(pid) - before) / images * 1000
    return {
        "images_per_s": images / passed,
        "p50_ms": 1000 * float(p50),
        "p99_ms": 1000 * float(p99),
        "cpu_s_per_1000": cpu,
        "requests": len(taken),
        "wall_s": time.perf_counter() - start,
    }


def markdown(results: dict[str, dict[str, list[dict[str, float]]]]) -> list[str]:
    """A row for each batch size and server, medians over the rounds."""
    lines = [
        "| Images a request | Server | Images a second | p50 | p99 | CPU time of 1,000 images |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for batch, servers in results.items():
        for name, rounds in servers.items():
            rate, p50, p99, cpu = (
                median(row[key] for row in rounds) for key in ("images_per_s", "p50_ms", "p99_ms", "cpu_s_per_1000")
            )
            lines.append(f"| {batch} | {name} | {rate:,.0f} | {p50:.1f} ms | {p99:.1f} ms | {cpu:.2f} s |")
    return lines


def main() -> None:
    """Ask both servers by turns -> benchmarks/serve.json and .md."""
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    results: dict[str, dict[str, list[dict[str, float]]]] = {
        str(batch): {name: [] for name in SERVERS} for batch in BATCHES
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_model(Path(temporary))
        with running(SERVERS["plain"], folder) as plain, running(SERVERS["ours"], folder) as ours:
            other_load = os.getloadavg()[0]
            for _ in range(ROUNDS):
                for batch in BATCHES:
                    for name, place in (("plain", plain), ("ours", ours)):
                        results[str(batch)][name].append(measure(*place, batch))
    lines = markdown(results)
    write_json("benchmarks/serve.json", {"on": on, "load_before": other_load, "results": results})
    heading = [
        "# Serving",
        "",
        f"`{MODEL}` under {CLIENTS} clients of another process that ask again as soon as they are answered: plain "
        "`mlflow models serve` and `python -m src serve` of the same folder, by turns; medians of "
        f"{ROUNDS} rounds of {SECONDS:.0f} s. The clients share the cores. On {on}; load of the machine before: "
        f"{other_load:.1f}.",
        "",
    ]
    write_text("benchmarks/serve.md", "\n".join([*heading, *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(load(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        main()
