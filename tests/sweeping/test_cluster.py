import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from src.pipeline.files import UserError
from src.sweeping import cluster
from src.sweeping.cluster import local_ray


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.mark.parametrize("missing", ["ray", "optuna"])
def test_without_the_extra_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError) as error, local_ray("0123456789abcdef", 1):
        pass
    assert str(error.value).startswith("sweeps need Ray and Optuna (")
    assert str(error.value).endswith("Install them: pip install --require-hashes -r requirements-ray.txt")


def test_a_ray_that_does_not_start_is_tried_again_and_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []

    def init(**settings: Any) -> None:
        folders.append(settings["_temp_dir"])
        raise RuntimeError("The current node timed out\nduring startup.")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init, shutdown=lambda: None))
    with (
        pytest.raises(UserError, match="3 attempts: The current node timed out during startup."),
        local_ray("k" * 64, 1),
    ):
        pass
    assert len(folders) == cluster.ATTEMPTS
    assert not os.path.lexists(folders[0])
    assert len(f"{folders[0]}/session_2026-11-26_01-18-17_021708_{2**22}/sockets/plasma_store") < 107


def test_equal_sweeps_of_two_clones_have_folders_of_their_own_and_a_killed_ones_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda **settings: None, shutdown=lambda: None))
    monkeypatch.setattr(cluster, "TOP", tmp_path)
    killed = tmp_path / f"sweep-{'k' * 12}-killed"
    killed.mkdir()
    (killed / cluster.LOCK).touch()
    with local_ray("k" * 64, 1) as first:
        (first / "socket").touch()
        with local_ray("k" * 64, 1) as second:
            assert (first / "socket").exists()
            assert set(tmp_path.iterdir()) == {first, second}
    assert not list(tmp_path.iterdir())
