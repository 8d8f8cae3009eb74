import asyncio
import base64
import io
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.pipeline.files import UserError
from src.serving import app
from src.serving.app import N_NEAREST, build_app, data_uri, describe, images_of, load_model
from src.serving.checks import Limits
from src.serving.limits import Guard
from src.serving.pictures import FASHION_MNIST
from tests.serving.example import SIDE, images
from tests.serving.test_limits import Client, scope


@pytest.fixture(scope="module")
def model(model_folder: Path) -> Any:
    return load_model(str(model_folder))


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def shown(address: str) -> np.ndarray:
    """The image in a data: address."""
    kind, content = address.split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_a_model_knows_the_images_of_its_images(model: Any) -> None:
    assert images_of(model) == FASHION_MNIST


def test_an_address_has_the_image(model: Any) -> None:
    image = images(1)[0]
    assert np.array_equal(shown(data_uri(image)), image)


def test_a_picture_gets_the_models_answer_and_the_nearest_images(model: Any) -> None:
    image = images(1, seed=2)[0]
    image[[0, -1]] = 0
    image[:, [0, -1]] = 0
    answer = describe(model.unwrap_python_model(), png(image), FASHION_MNIST)
    (record,) = model.predict(image[None])
    assert {key: answer[key] for key in record} == record
    assert np.array_equal(shown(answer["image"]), image)
    assert len(answer["nearest"]) == N_NEAREST
    assert all(shown(near["image"]).shape == (SIDE, SIDE) for near in answer["nearest"])


def test_the_app_is_behind_the_limits(model: Any) -> None:
    limits = Limits(FASHION_MNIST, max_body=9, max_images=9, max_requests=9, read_seconds=9, hosts=frozenset())
    guard = build_app(model, limits)
    assert isinstance(guard, Guard)
    assert {"/", "/picture", "/images", "/invocations", "/ping"} <= {route.path for route in guard.app.routes}  # type: ignore[attr-defined]


def test_pictures_are_opened_one_at_a_time_and_all_are_answered(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    open_now, at_once = 0, []

    def slow(*_: Any) -> dict[str, Any]:
        nonlocal open_now
        open_now += 1
        at_once.append(open_now)
        time.sleep(0.02)
        open_now -= 1
        return {}

    monkeypatch.setattr(app, "describe", slow)
    guard = build_app(model, Limits(FASHION_MNIST, 9, 9, 9, read_seconds=9, hosts=frozenset({"localhost"})))
    clients = [Client([b"x"]) for _ in range(4)]

    async def ask_all() -> None:
        request = scope("/picture", content_type="image/png") | {"query_string": b""}
        await asyncio.gather(*(guard(dict(request), client.receive, client.send) for client in clients))

    asyncio.run(ask_all())
    assert [client.answer[0] for client in clients] == [200] * 4
    assert at_once == [1] * 4


def test_what_is_no_model_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be a folder with an MLflow model, or models:/NAME@ALIAS"):
        load_model(str(tmp_path))


def test_a_damaged_folder_is_told_in_a_line(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    (folder / "artifacts/classifier/network.keras").write_bytes(b"x")
    with pytest.raises(UserError, match="must be a model that can be loaded") as error:
        load_model(str(folder))
    assert "\n" not in str(error.value)


def test_another_model_is_refused(tmp_path: Path) -> None:
    code = "from mlflow.models import set_model\nfrom mlflow.pyfunc import PythonModel\n\n"
    code += "class Other(PythonModel):\n    def predict(self, context, model_input: list[str], params=None): ...\n\n"
    (tmp_path / "other.py").write_text(f"{code}set_model(Other())\n", encoding="utf-8")
    import mlflow

    mlflow.pyfunc.save_model(tmp_path / "model", python_model=str(tmp_path / "other.py"), pip_requirements=[])
    with pytest.raises(UserError, match="must be a model that the stage `register` made"):
        load_model(str(tmp_path / "model"))


@pytest.mark.parametrize(("metadata", "got"), [("metadata: null", "None"), ("metadata: {fit: odd}", "odd")])
def test_a_model_that_does_not_say_how_pictures_become_its_images_is_refused(
    metadata: str, got: str, model_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    text = (folder / "MLmodel").read_text(encoding="utf-8")
    changed = re.sub(r"^metadata:\n(  .*\n)+", f"{metadata}\n", text, flags=re.MULTILINE)
    assert changed != text
    (folder / "MLmodel").write_text(changed, encoding="utf-8")
    with pytest.raises(UserError, match=rf"one of pad, .*, garment. Got {got}. Make it anew: `dvc repro --force"):
        load_model(str(folder))


def test_a_model_in_the_registry_that_is_not_there_is_told(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(UserError, match="models:/nothing@champion: must be a model that can be loaded"):
        load_model("models:/nothing@champion")
    mlflow.set_tracking_uri("")
