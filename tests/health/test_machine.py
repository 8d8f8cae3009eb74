import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from src.health import machine
from src.health.machine import devices, disk, memory


@pytest.mark.parametrize(("free", "state"), [(10**8, "broken"), (2 * 10**9, "warning"), (10**11, "ok")])
def test_a_disk_that_is_nearly_full_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    check = disk()
    assert (check.state, check.says) == (state, f"{free / 1e9:.1f} GB free")


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "missing"))
    check = disk()
    assert check.state == "broken"
    assert check.says == f"{tmp_path}/missing cannot be written to: No such file or directory"


@pytest.mark.parametrize(("free", "state"), [(10**8, "broken"), (3 * 10**9, "warning"), (10**11, "ok")])
def test_little_memory_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CGROUP", Path("/nowhere"))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert memory().state == state


def test_in_a_container_its_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**11))
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    (tmp_path / "memory.current").write_text("2000000000\n", encoding="utf-8")
    assert memory().says == "100.0 GB free"
    (tmp_path / "memory.max").write_text("4000000000\n", encoding="utf-8")
    assert memory() == ("warning", "2.0 GB free", "end other programs", None)


def test_the_device_computes() -> None:
    check = devices()
    assert check.state in ("ok", "warning")
    assert check.says.startswith(("CPU, ", "GPU, "))


def test_a_card_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def setup_device(**_: object) -> str:
        print("There is an NVIDIA card, but tensorflow cannot use it.", file=sys.stderr)
        return "CPU"

    monkeypatch.setattr(machine, "setup_device", setup_device)
    check = devices()
    assert check.state == "warning"
    assert check.says == "CPU. There is an NVIDIA card, but tensorflow cannot use it."


def test_a_device_that_computes_wrongly_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(keras.ops, "matmul", lambda a, b: a)
    assert devices().state == "broken"
