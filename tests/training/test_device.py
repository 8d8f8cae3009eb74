import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from src.pipeline.files import UserError
from src.training import device
from src.training.device import setup_device, software

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `setup_device` sets for its own process is put back."""
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(keras.src.backend, "lstm", keras.src.backend.lstm)
    monkeypatch.setattr(keras.src.backend.random, "dropout", keras.src.backend.random.dropout)


def test_gpu_without_a_gpu_is_an_error_not_a_cpu_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    with pytest.raises(UserError, match="device: gpu needs a GPU .* Got none .*TF_CPP_MIN_LOG_LEVEL=0 .* shows why"):
        setup_device(seed=1, device="gpu", threads=None)


USERS_OWN = {"floatx": "float64", "epsilon": 0.01, "backend": "torch", "image_data_format": "channels_first"}
STARTED = """
import json, os, sys
from src.training.device import setup_device
words = setup_device(seed=1, device="cpu", threads=None)
import keras, tensorflow
c = keras.config
settings = [c.floatx(), c.epsilon(), c.backend(), c.image_data_format(), c.dtype_policy().name]
gpus = [len(tensorflow.config.list_physical_devices("GPU")), os.environ["CUDA_VISIBLE_DEVICES"]]
print(json.dumps({"words": words, "gpus": gpus, "settings": settings}))
print("later", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """A process of a user who has a keras.json, which sets the device up, tells what is set and then a warning."""
    folder = tmp_path_factory.mktemp("keras")
    (folder / "keras.json").write_text(json.dumps(USERS_OWN), encoding="utf-8")
    return run_without_a_log_level(STARTED, KERAS_HOME=str(folder))


def run_without_a_log_level(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A Python process as a user starts it: without the log level and the backend that the tests set."""
    own = {name: value for name, value in os.environ.items() if name not in ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=own | variables)


def test_cpu_hides_every_gpu_before_keras_is_there(started: subprocess.CompletedProcess[str]) -> None:
    report = json.loads(started.stdout)
    assert report["words"].startswith("CPU, ")
    assert report["gpus"] == [0, "-1"]


def test_a_users_keras_json_changes_nothing(started: subprocess.CompletedProcess[str]) -> None:
    assert json.loads(started.stdout)["settings"] == ["float32", 1e-07, "tensorflow", "channels_last", "float32"]


def test_loading_prints_nothing_and_later_errors_are_printed(started: subprocess.CompletedProcess[str]) -> None:
    assert started.stderr == "later\n"


@pytest.mark.parametrize("card", [True, False])
def test_a_card_that_cannot_be_used_is_told(
    card: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    real = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: card if str(path) == "/dev/nvidiactl" else real(path))
    setup_device(seed=1, device="auto", threads=None)
    assert ("There is an NVIDIA card, but tensorflow cannot use it" in capsys.readouterr().err) == card


def test_the_device_and_the_software_are_told_in_words() -> None:
    words = f"CPU, {device._processor()}, {len(os.sched_getaffinity(0))} thread"
    assert setup_device(seed=1, device="cpu", threads=None).removesuffix("s") == words
    assert software().startswith(f"keras {keras.__version__}, {keras.backend.backend()} ")


def test_a_machine_without_affinity_and_proc_such_as_a_mac_has_a_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.setattr(device.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert setup_device(seed=1, device="cpu", threads=None) == "CPU, arm64, 8 threads"


def test_environment_variables_that_change_numbers_belong_to_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    before = setup_device(seed=1, device="cpu", threads=None)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("ONEDNN_VERBOSE", "1")  # changes none
    monkeypatch.setenv("TF_VAR_password", "secret")  # is Terraform's
    expected = f"{before}, ONEDNN_MAX_CPU_ISA=AVX2, TF_NUM_INTRAOP_THREADS=1"
    assert setup_device(seed=1, device="cpu", threads=None) == expected


WEIGHTS = """
import hashlib, json, os, sys
cores, threads = json.loads(sys.argv[1])
os.sched_setaffinity(0, cores)
import numpy as np
from src.training.device import setup_device
print(setup_device(seed=1, device="cpu", threads=threads))
import keras
from keras import layers
model = keras.Sequential([keras.Input((12, 12, 1)), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(5)])
model.compile("adam", "mse")
rng = np.random.default_rng(0)
model.fit(rng.random((320, 12, 12, 1)), rng.random((320, 5)), verbose=0, epochs=3)
print(hashlib.sha256(b"".join(weights.tobytes() for weights in model.get_weights())).hexdigest())
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two cores")
def test_weights_depend_on_the_number_of_threads_and_not_on_the_cores() -> None:
    one, two = sorted(os.sched_getaffinity(0))[:2]

    def trained(cores: list[int], threads: int | None) -> tuple[str, str]:
        arguments = [sys.executable, "-c", WEIGHTS, json.dumps([cores, threads])]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
        words, weights = done.stdout.splitlines()
        return words.split(", ")[2], weights

    narrow, wide = trained([one], 2), trained([one, two], 2)
    assert narrow == wide
    assert narrow[0] == "2 threads"
    single = trained([one, two], 1)
    assert single[0] == "1 thread"
    assert single[1] != wide[1]


def test_threads_cannot_be_limited_with_every_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPROC", raising=False)
    device._limit_threads("jax", 3)
    assert os.environ.pop("NPROC") == "3"
    with pytest.raises(UserError, match="threads: must be null with torch. Got 3."):
        device._limit_threads("torch", 3)


def test_a_backend_that_is_not_installed_is_told() -> None:
    code = (
        "import sys; sys.modules['jax'] = None\n"
        "from src.pipeline.runner import run; from src.training.device import setup_device\n"
        "run('train', lambda: setup_device(seed=1, device='cpu', threads=None))"
    )
    own = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=own, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("train: KERAS_BACKEND must be a backend that is installed. Got jax (")
    assert done.stderr.count("\n") == 1


def test_the_seed_makes_random_numbers_the_same() -> None:
    numbers = []
    for _ in range(2):
        setup_device(seed=5, device="cpu", threads=None)
        numbers.append(keras.random.normal((3,)).numpy().tolist())
    assert numbers[0] == numbers[1]


def test_a_crash_while_libraries_load_is_told() -> None:
    done = run_without_a_log_level(
        "import os; from src.training import device\nwith device._quiet_loading(): os.abort()"
    )
    assert done.returncode < 0
    assert "Fatal Python error: Aborted" in done.stderr
