from importlib.metadata import PackageNotFoundError, version

import pytest

from src.health import cuda
from src.health.cuda import MEND, cudnn, libraries, opened


@pytest.mark.parametrize(("ours", "state"), [("9.5.1.17", "broken"), ("9.24.0.43", "ok"), ("10.1.0", "ok")])
def test_an_old_cudnn_is_told(ours: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "installed", {"nvidia-cudnn-cu12": ours}.get)
    assert cudnn().state == state


def test_without_a_gpus_packages_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "installed", lambda name: None)
    assert cudnn() == libraries() == ("ok", "not installed, and needed with a GPU only", "", None)


def test_a_library_that_tensorflow_does_not_find_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        pytest.skip(f"NVIDIA's libraries are here: cuBLAS {version('nvidia-cublas-cu12')}")
    except PackageNotFoundError:
        monkeypatch.setattr(cuda, "installed", {"nvidia-cudnn-cu12": "9.28.0.42"}.get)
    check = libraries()
    assert (check.state, check.mend) == ("broken", MEND)
    assert check.says == "TensorFlow does not find the library that has cublasGetCudartVersion"


def test_the_libraries_in_memory_are_found_by_name() -> None:
    assert "c" in opened()
    assert "cudnn_of_nobody" not in opened()
