from pathlib import Path

import pytest

from src.pipeline.files import UserError
from src.scheduling import gpus
from src.scheduling.gpus import gpu_places, sharing_variables, visible_gpus


@pytest.mark.parametrize(
    ("named", "expected"), [("", []), ("-1", []), ("0,2", ["0", "2"]), ("GPU-8a,1", ["GPU-8a", "1"])]
)
def test_gpus_are_those_that_cuda_shows(named: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == expected


def test_all_cards_of_the_machine_where_none_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "Path", {"/dev": tmp_path}.__getitem__)
    assert visible_gpus() == []
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "sda"):
        (tmp_path / name).touch()
    assert visible_gpus() == ["0", "1"]


@pytest.mark.parametrize(
    ("per_stage", "places"),
    [
        (1, ["0", "1", "2"]),
        (0.5, ["0", "1", "2", "0", "1", "2"]),
        (0.4, ["0", "1", "2", "0", "1", "2"]),  # a third one would have too little
        (2, ["0,1"]),
        (3, ["0,1,2"]),
    ],
)
def test_stages_share_gpus_or_have_several(per_stage: float, places: list[str]) -> None:
    assert gpu_places(["0", "1", "2"], per_stage) == places


def test_a_machine_without_gpus_has_no_places() -> None:
    assert gpu_places([], 0.5) == gpu_places([], 2) == []


def test_more_gpus_than_there_are() -> None:
    with pytest.raises(UserError, match=r"at most the number of GPUs, 2\. Got 4"):
        gpu_places(["0", "1"], 4)


def test_stages_that_share_a_gpu_take_their_share_of_its_memory() -> None:
    variables = sharing_variables(0.25)
    assert float(variables["XLA_PYTHON_CLIENT_MEM_FRACTION"]) * 4 < 1
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert sharing_variables(0) == sharing_variables(1) == sharing_variables(2) == {}
