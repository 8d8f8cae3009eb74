"""Fixtures shrink the real configuration; there is no second one."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pooch
import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # each core has a process of its own: threads would wait for each other

from src.images.fashion_mnist import DEBIAN_FOLDER, FILES, fashion_mnist
from src.images.store import Images
from src.params import read_params
from src.pipeline import tracking
from tests.needs import lacking

if TYPE_CHECKING:
    from playwright.sync_api import Page

settings.register_profile("same every time", derandomize=True, database=None, deadline=None)
settings.load_profile("same every time")

ROOT = Path(__file__).parents[1]
LONGEST = ["test_sweep.py", "test_pipeline.py", "test_resuming.py", "test_delivery.py", "test_moving.py"]


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: tests that wait for servers and kills leave the cores idle."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: a file is tested by one process, and none is to be idle at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


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
    return lacking("needs Fashion-MNIST: `python -m src fetch` downloads it")


@pytest.fixture(scope="session")
def fashion(fashion_folder: Path) -> Images:
    """Fashion-MNIST."""
    return fashion_mnist(fashion_folder)[0]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the pipeline ran (tests/repository.py): one for all test processes, never changed."""
    from tests.repository import ODD, make

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    top = shared / "finished" / ODD
    with (shared / "finished.txt").open("a+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not os.fstat(mark.fileno()).st_size:  # as it is now: it may have been opened before
            make(top)
            mark.write("by the first process that needed it")
    return top


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


@pytest.fixture(scope="module")
def tab() -> Iterator[tuple["Page", list[str]]]:
    """A tab of the browser, and a list of what it complains about and asks for."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        lacking("needs Chromium: on Debian, apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        page, complaints = browser.new_page(), list[str]()
        page.set_default_timeout(5000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        yield page, complaints


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
