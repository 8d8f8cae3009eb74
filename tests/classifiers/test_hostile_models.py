"""What a .keras file from elsewhere could try: nothing of it may run, or be read from outside the file."""

import base64
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from src import classifiers
from src.pipeline.files import UserError

Change = Callable[[dict[str, Any], Path], None]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's file, as the stage `train` writes it."""
    images = keras.Input((4, 4), name="images")
    features = keras.layers.Dense(3, name="embedding")(keras.layers.Flatten(name="flatten")(images))
    model = keras.Model(images, keras.layers.Dense(2, activation="softmax", name="label")(features))
    path = tmp_path_factory.mktemp("saved") / "27.keras"
    classifiers.save(model, str(path))
    return path


def changed(saved: Path, folder: Path, change: Callable[[dict[str, bytes]], None], *, compress: bool = False) -> str:
    """The file with other parts."""
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    path = folder / "hostile.keras"
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return str(path)


def with_layer(saved: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> str:
    """The file with another layer in place of the embedding."""

    def apply(parts: dict[str, bytes]) -> None:
        config = json.loads(parts["config.json"])
        change(next(layer for layer in config["config"]["layers"] if layer["name"] == "embedding"))
        parts["config.json"] = json.dumps(config).encode()

    return changed(saved, folder, apply)


def refused(path: str) -> str:
    """The line in which a file is refused."""
    with pytest.raises(UserError) as error:
        classifiers.load(path)
    assert str(error.value).isprintable()
    assert str(error.value).startswith(f"{path}: must be a model as the stage train saves it. It was refused: ")
    return str(error.value)


def test_a_model_comes_back_as_it_was_saved(saved: Path) -> None:
    x = np.random.default_rng(0).random((5, 4, 4), dtype=np.float32)
    assert np.array_equal(classifiers.load(str(saved))(x), keras.models.load_model(saved)(x))


def call(module: str, name: str, *arguments: Any) -> dict[str, Any]:
    """A config by which Keras would find a function or class in a module."""
    return {"module": module, "class_name": name, "config": {"args": arguments}, "registered_name": None}


def function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def marshalled(mark: Path) -> dict[str, Any]:
    """A lambda's code, as Keras's unsafe mode takes it."""
    code = compile(f"lambda x: open({str(mark)!r}, 'w').close() or x", "code", "eval").co_consts[0]
    text = base64.b64encode(marshal.dumps(code)).decode()
    return {"class_name": "__lambda__", "config": {"code": text, "defaults": None, "closure": None}}


def lambda_layer(function: Any, **config: Any) -> dict[str, Any]:
    inner = {"name": "embedding", "trainable": True, "dtype": "float32", "function": function, "arguments": {}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": inner | config, "registered_name": None}


LAYERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a lambda's code": lambda mark: lambda_layer(marshalled(mark)),
    "a lambda that names os.system": lambda mark: lambda_layer(
        function("os", "system"), arguments={"command": f"touch {mark}"}
    ),
    "a lambda that names exec": lambda mark: lambda_layer(function("builtins", "exec")),
    "a lambda that names get_file": lambda mark: lambda_layer(
        function("keras.utils", "get_file"), arguments={"origin": f"file://{mark}"}
    ),
    "os.system": lambda mark: call("os", "system", f"touch {mark}"),
    "subprocess.Popen": lambda mark: {
        **call("subprocess", "Popen"),
        "config": {"args": ["touch", str(mark)]},
    },
    "builtins.exec": lambda mark: call("builtins", "exec", f"open({str(mark)!r}, 'w')"),
    "numpy.load": lambda mark: {**call("numpy", "load"), "config": {"file": str(mark), "allow_pickle": True}},
    "pickle.load": lambda mark: call("pickle", "loads", "..."),
    "get_file": lambda mark: {
        **call("keras.utils", "get_file"),
        "config": {"fname": str(mark), "origin": "file:///etc/hostname"},
    },
    "load_model": lambda mark: {
        **call("keras.saving", "load_model"),
        "config": {"filepath": str(mark), "safe_mode": False},
    },
    "unsafe mode": lambda mark: {**call("keras.config", "enable_unsafe_deserialization"), "config": {}},
    "a saved model of TensorFlow": lambda mark: {
        **call("keras.layers", "TFSMLayer"),
        "config": {"name": "embedding", "filepath": str(mark.parent), "call_endpoint": "serve"},
    },
    "a module of its own": lambda mark: call("hostile_module", "Layer"),
    "a class that was never registered": lambda mark: {**call("", "Layer"), "registered_name": "own>Layer"},
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_layer_that_would_run_code_is_refused(
    layer: Callable[[Path], dict[str, Any]], saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hostile_module.py").write_text("open('imported', 'w').close()", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "mark"

    def change(config: dict[str, Any]) -> None:
        config.update(layer(mark))

    refused(with_layer(saved, tmp_path, change))
    assert {path.name for path in tmp_path.iterdir()} == {"hostile.keras", "hostile_module.py"}


def test_without_safe_mode_the_code_of_a_lambda_would_run(saved: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = with_layer(saved, tmp_path, lambda config: config.update(lambda_layer(marshalled(mark))))
    with pytest.raises(ValueError, match="incompatible with the layer"):  # after it ran
        keras.models.load_model(path, safe_mode=False)
    assert mark.exists()


@pytest.mark.parametrize("key", ["activation", "kernel_initializer", "kernel_regularizer", "dtype"])
def test_a_part_of_a_layer_that_would_run_code_is_refused(key: str, saved: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def change(config: dict[str, Any]) -> None:
        config["config"][key] = call("os", "system", f"touch {mark}")

    refused(with_layer(saved, tmp_path, change))
    assert not mark.exists()


def test_other_parts_than_ours_are_refused(saved: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(tmp_path / "mark"), "w")

    for name in ("../outside", "/etc/outside", "assets/vocabulary.txt", "model.weights.npz"):
        path = changed(saved, tmp_path, lambda parts, name=name: parts.update({name: pickle.dumps(Hostile())}))  # type: ignore[misc]
        assert "the parts" in refused(path)
    assert "the parts" in refused(changed(saved, tmp_path, lambda parts: parts.clear()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.keras"]


def test_what_would_unpack_to_gigabytes_is_refused_unread(saved: Path, tmp_path: Path) -> None:
    path = changed(saved, tmp_path, lambda parts: parts.update({"model.weights.h5": bytes(2**26)}), compress=True)
    assert Path(path).stat().st_size < 2**20
    assert "or compressed ones" in refused(path)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_from_outside_the_file_are_refused(saved: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.full((16, 3), 7, np.float32).tobytes())

    def external(parts: dict[str, bytes]) -> None:
        file = tmp_path / "weights.h5"
        file.write_bytes(parts["model.weights.h5"])
        with h5py.File(file, "r+") as weights:
            del weights["layers/dense/vars/0"]
            weights.create_dataset("layers/dense/vars/0", (16, 3), "f4", external=[(str(secret), 0, 192)])
        parts["model.weights.h5"] = file.read_bytes()

    assert "1 objects could not be loaded" in refused(changed(saved, tmp_path, external))


@pytest.mark.parametrize("content", [b"", b"PK\5\6" + bytes(18), b"\x89HDF\r\n\x1a\n", b"\x80\x04K\x01."], ids=repr)
def test_a_file_that_is_no_keras_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "27.keras"
    path.write_bytes(content)
    refused(str(path))
