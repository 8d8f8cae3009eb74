import shutil
from pathlib import Path
from typing import Any

import keras
import pytest

from src.training import identity
from src.training.identity import environment, file_digests, training_keys

ROOT = Path(__file__).parents[2]
DEVICE = "CPU, a processor, 2 threads"


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code beside data of a few bytes, in the current folder."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "data").mkdir()
    for split in ("train", "val", "test"):
        (tmp_path / f"data/{split}.npz").write_bytes(split.encode())
    monkeypatch.setattr(identity, "CODE", tmp_path)
    monkeypatch.setattr(identity, "distributions", list)  # of all packages: a third of a second
    monkeypatch.chdir(tmp_path)
    return tmp_path


def key(params: dict[str, Any], device: str = DEVICE, model: str = "cnn2", **changes: Any) -> str:
    recipe = params["models"][model] | {"seed": 27}
    return training_keys(model, params, [recipe | changes], device)[0]


def test_the_same_training_has_the_same_key_and_every_seed_its_own(params: dict[str, Any], top: Path) -> None:
    recipes = [params["models"]["cnn2"] | {"seed": seed} for seed in (27, 28)]
    first, second = training_keys("cnn2", params, recipes, DEVICE)
    assert first != second
    assert key(params) == first
    assert len(first) == 64


@pytest.mark.parametrize("change", [{"learning_rate": 0.002}, {"epochs": 11}, {"dropout_conv1": 0.1}, {"seed": 28}])
def test_another_recipe_is_another_training(params: dict[str, Any], top: Path, change: dict[str, Any]) -> None:
    assert key(params, **change) != key(params)


FILES = [
    *(
        "data/train.npz",
        "data/val.npz",
        "src/train.py",
        "src/classifiers/__init__.py",
        "src/classifiers/dropout_cnn.py",
    ),
    *(
        f"src/training/{name}.py"
        for name in ("checkpoint", "course", "device", "dropout", "loop", "lstm", "precision", "recipe")
    ),
]


@pytest.mark.parametrize("name", FILES)
def test_other_data_or_code_is_another_training(params: dict[str, Any], top: Path, name: str) -> None:
    before = key(params)
    with (top / name).open("ab") as file:
        file.write(b"\n")
    assert key(params) != before


@pytest.mark.parametrize(
    "name", ["data/test.npz", "src/classifiers/vgg.py", "src/evaluate.py", "src/pipeline/runner.py"]
)
def test_what_dvc_does_not_list_changes_nothing(params: dict[str, Any], top: Path, name: str) -> None:
    before = key(params)
    with (top / name).open("ab") as file:
        file.write(b"\n")
    assert key(params) == before


@pytest.mark.parametrize(
    "device", ["CPU, a processor, 1 thread", "CPU, another, 2 threads", f"{DEVICE}, TF_NUM_INTRAOP_THREADS=1"]
)
def test_another_device_or_number_of_threads_is_another_training(
    params: dict[str, Any], top: Path, device: str
) -> None:
    assert key(params, device) != key(params)


class Package:
    """An installed package."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version


def test_another_version_is_another_training(
    params: dict[str, Any], top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_packages(*packages: str) -> str:
        monkeypatch.setattr(identity, "distributions", lambda: [Package(*package.split()) for package in packages])
        return key(params)

    before = with_packages("numpy 2.4.6", "ml_dtypes 0.5", "pytest 9")
    assert with_packages("pytest 10", "ml_dtypes 0.5", "numpy 2.4.6") == before
    for changed in ("numpy 2.4.7", "keras 4", "tensorflow-cpu 3", "nvidia-cudnn-cu12 9.24", "jaxlib 1"):
        assert with_packages("numpy 2.4.6", "ml_dtypes 0.5", "pytest 9", changed) != before
    monkeypatch.setattr(identity.platform, "python_version", lambda: "3.99.0")
    assert with_packages("numpy 2.4.6", "ml_dtypes 0.5", "pytest 9") != before


def test_another_precision_is_another_training(params: dict[str, Any], top: Path) -> None:
    before = key(params)
    settings = [
        (keras.config.set_floatx, "float64", "float32"),
        (keras.config.set_dtype_policy, "mixed_bfloat16", "float32"),
        (keras.config.set_image_data_format, "channels_first", "channels_last"),
        (keras.config.set_epsilon, 1e-3, 1e-7),
    ]
    for setting, value, usual in settings:
        setting(value)
        try:
            assert key(params) != before
        finally:
            setting(usual)
    assert key(params) == before


def test_a_folder_among_the_dependencies_counts_by_its_files(params: dict[str, Any], top: Path) -> None:
    text = (top / "dvc.yaml").read_text(encoding="utf-8")
    (top / "dvc.yaml").write_text(
        text.replace("      - src/training/loop.py\n", "      - src/training\n"), encoding="utf-8"
    )
    before = key(params)
    cache = top / "src/training/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "loop.pyc").touch()
    assert key(params) == before
    (top / "src/training/new.py").touch()
    assert key(params) != before


def test_the_files_are_those_of_dvc_yaml_for_the_model(params: dict[str, Any], top: Path) -> None:
    digests = file_digests("cnn_vgg", params)
    assert {"src/classifiers/vgg.py/.", "data/train.npz/."} <= set(digests)
    assert not any("dropout_cnn" in name for name in digests)


def test_the_installed_numpy_keras_and_backend_are_among_the_versions() -> None:
    names = {text.split()[0] for text in environment(DEVICE)["packages"]}
    assert {"keras", "numpy", "tensorflow"} <= names
