"""The server: MLflow's own scoring app behind the limits, and a page for pictures."""

import asyncio
import base64
import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from src.pipeline.files import UserError
from src.serving.checks import Limits
from src.serving.limits import Guard
from src.serving.pictures import FITS, ModelImages, read_picture
from src.serving.registry import use_store
from src.training.device import setup_device

PAGE = Path(__file__).with_name("page.html")
PAGE_HEADERS = {  # nothing from elsewhere, and no other site's frame
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
N_NEAREST = 8  # training images beside a picture


def load_model(source: str) -> Any:
    """The MLflow model of a folder or of models:/NAME@ALIAS.

    It runs the model's code: see docs/serving.md. Raises UserError unless it is a model that `register` made.
    """
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    if not source.startswith("models:/") and not Path(source, "MLmodel").is_file():
        raise UserError(
            f"{source}: must be a folder with an MLflow model, or models:/NAME@ALIAS. "
            "`dvc repro register` writes one, `dvc pull data/registered_model` gets it."
        )
    if source.startswith("models:/"):
        use_store()
    setup_device(seed=0, device="auto", threads=None)  # without what TensorFlow prints, and with our loop for LSTMs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MLflow's, of its own types
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import load_model as load

        try:
            model = load(source)
        except (MlflowException, OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{source}: must be a model that can be loaded. {reason}") from None
    schema = model.metadata.get_input_schema()
    if type(model.unwrap_python_model()).__name__ != "Classifier" or schema is None or not schema.is_tensor_spec():
        raise UserError(f"{source}: must be a model that the stage `register` made. Got another.")
    if (fit := (model.metadata.metadata or {}).get("fit")) not in FITS:
        raise UserError(
            f"{source}: must say how pictures become its images: in MLmodel's metadata, `fit` is one of "
            f"{', '.join(FITS)}. Got {fit}. Make it anew: `dvc repro --force --single-item register`."
        )
    return model


def images_of(model: Any) -> ModelImages:
    """The images that a model takes."""
    return ModelImages(model.metadata.get_input_schema().inputs[0].shape[1:], model.metadata.metadata["fit"])


def build_app(model: Any, limits: Limits) -> Guard:
    """MLflow's scoring app of the model with a page at `/`, behind the limits."""
    from fastapi import HTTPException, Request
    from fastapi.responses import HTMLResponse
    from mlflow.pyfunc.scoring_server import init

    app, classifier = init(model), model.unwrap_python_model()
    one_at_a_time = asyncio.Lock()  # a few kilobytes may unpack to a picture of hundreds of megabytes

    def page() -> Any:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers=PAGE_HEADERS)

    async def picture(request: Request) -> Any:
        content = await request.body()
        try:
            async with one_at_a_time:
                return await asyncio.to_thread(describe, classifier, content, limits.images)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None

    def images() -> Any:
        return limits.images._asdict()

    app.get("/")(page)
    app.get("/images")(images)
    app.post("/picture")(picture)
    return Guard(app, limits)


def describe(classifier: Any, content: bytes, images: ModelImages) -> dict[str, Any]:
    """The record of a picture, `image` as the network sees it, and the `nearest` training images, as data: URIs.

    Raises ValueError where it is no picture.
    """
    image = read_picture(content, images, "auto")
    record, nearest = classifier.explain(image, N_NEAREST)
    shown = [neighbour | {"image": data_uri(neighbour["image"])} for neighbour in nearest]
    return {**record, "image": data_uri(image), "nearest": shown}


def data_uri(image: np.ndarray) -> str:
    """A uint8 image, grey or RGB, as a PNG within an address."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
