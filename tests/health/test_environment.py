import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from src.health import environment
from src.health.environment import installed, keras_settings, packages, python_version, read_lock

LOCK = """\
keras==3.15.1 \\
    --hash=sha256:0
numpy==2.4.6 ; sys_platform == 'linux' \\
    --hash=sha256:0
pywin32==999 ; sys_platform == 'win32' \\
    --hash=sha256:0
"""


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a lock of its own."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.11,<3.14"\n', encoding="utf-8")
    (tmp_path / "requirements.txt").write_text(LOCK, encoding="utf-8")
    return tmp_path


def set_versions(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Let these be the only packages that are installed."""

    def version(name: str) -> str:
        key = name.replace("-", "_")
        if key not in versions:
            raise importlib.metadata.PackageNotFoundError
        return versions[key]

    monkeypatch.setattr(environment, "version", version)


def test_pythons_version_is_one_that_the_project_allows(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert python_version().state == "ok"
    monkeypatch.setattr("platform.python_version", lambda: "3.10.4")
    check = python_version()
    assert (check.state, check.says) == ("broken", "must be >=3.11,<3.14. Got 3.10.4")


def test_another_python_on_the_path_is_told(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(top))
    check = python_version()
    assert check.state == "warning"
    assert "stages would run none" in check.says
    assert check.mend == f"source {Path(sys.executable).parent}/activate"


def test_a_lock_has_the_packages_of_this_platform(top: Path) -> None:
    assert read_lock(top / "requirements.txt") == {"keras": "3.15.1", "numpy": "2.4.6"}


def test_another_version_and_a_missing_package_are_named(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_versions(monkeypatch, keras="3.15.1", numpy="2.4.6")
    assert packages() == ("ok", "2 as locked in requirements.txt", "", None)
    set_versions(monkeypatch, keras="3.14.0")
    check = packages()
    assert check.state == "broken"
    assert check.says == "2 of 2 differ: keras 3.14.0 (not 3.15.1), numpy missing (not 2.4.6)"
    assert check.mend == "pip install --require-hashes -r requirements.txt"


def test_many_wrong_packages_are_counted(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"package{number}==1 \\\n    --hash=sha256:0\n" for number in range(9)]
    (top / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    set_versions(monkeypatch)
    assert packages().says.endswith("package4 missing (not 1) and 4 more")


def test_the_lock_of_a_gpu_counts_where_its_packages_are(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (top / "requirements-gpu.txt").write_text(
        f"{LOCK}nvidia-cudnn-cu12==9.28.0.1 \\\n    --hash=sha256:0\n", encoding="utf-8"
    )
    set_versions(monkeypatch, keras="3.15.1", numpy="2.4.6", nvidia_cudnn_cu12="9.5.1.17")
    check = packages()
    assert check.says == "1 of 3 differ: nvidia-cudnn-cu12 9.5.1.17 (not 9.28.0.1)"
    assert check.mend.endswith("-r requirements-gpu.txt")


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, "ok"),
        ({"floatx": "float32", "epsilon": 1e-07, "backend": "jax", "image_data_format": "channels_last"}, "ok"),
        ({"floatx": "float64"}, "warning"),
        ({"image_data_format": "channels_first"}, "warning"),
    ],
)
def test_settings_that_change_numbers_are_told(
    settings: dict[str, object], state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert keras_settings().state == "ok"
    (tmp_path / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    check = keras_settings()
    assert check.state == state
    assert all(f"{key}: {value}" in check.says for key, value in settings.items()) or state == "ok"


def test_a_package_is_there_or_not() -> None:
    assert installed("numpy") == importlib.metadata.version("numpy")
    assert installed("no-such-package") is None
