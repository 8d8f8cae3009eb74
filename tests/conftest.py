"""Fixtures shrink the real configuration; there is no second one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pooch
import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from src.images.fashion_mnist import DEBIAN_FOLDER, FILES, fashion_mnist
from src.images.store import Images
from src.params import read_params
from src.pipeline import tracking

settings.register_profile("same every time", derandomize=True, database=None, deadline=None)
settings.load_profile("same every time")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def params() -> dict[str, Any]:
    """The real params.yaml, checked; each test has its own copy."""
    return read_params(str(ROOT / "params.yaml"))


@pytest.fixture
def usual_precision() -> Iterator[None]:
    """Keras's usual policy after the test."""
    yield
    import keras

    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def fashion_folder() -> Path:
    """A folder with Fashion-MNIST's four files, compressed: of Debian's package or of an earlier download."""
    for folder in (DEBIAN_FOLDER, Path(pooch.os_cache("mystery-fashion"))):
        if all((folder / f"{name}.gz").is_file() for name in FILES):
            return folder
    pytest.skip("Fashion-MNIST is not on this machine: `python -m src fetch` downloads it")


@pytest.fixture(scope="session")
def fashion(fashion_folder: Path) -> Images:
    """Fashion-MNIST."""
    return fashion_mnist(fashion_folder)[0]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The MLflow folder of a small untrained network; it is only read."""
    from tests.serving.example import write_example  # with TensorFlow, which most tests do without

    return write_example(tmp_path_factory.mktemp("registered"))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without runs, to copy: making one takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def no_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started to send what the test writes for MLflow, nor waited for when pytest ends."""
    monkeypatch.setattr(tracking, "start_sender", lambda: None)
    monkeypatch.setattr(tracking, "_paths", [Path("none")])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Any]]]:
    """Gives the axes of the figure that was drawn last."""
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "close", lambda figure: None)
    yield lambda: pyplot.gcf().axes
    monkeypatch.undo()
    pyplot.close("all")
