"""What benchmarks/fuzz.py gives to the server and to `predict`: requests, pictures, files of arrays."""

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Callable, MutableMapping
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from src.pipeline.files import UserError
from src.serving.batches import read_batches
from src.serving.limits import Guard, Limits
from src.serving.pictures import FASHION_MNIST, ModelImages, read_picture

SIDE = 2
LIMITS = Limits(
    images=ModelImages((SIDE, SIDE), "garment"),
    max_body=10_000,
    max_images=100,
    max_requests=4,
    read_seconds=5,
    hosts=frozenset({"127.0.0.1"}),
)
REQUESTS = [b'{"inputs": [[[0, 1], [2, 255]]]}', b'{"instances": [[[0, 1], [2, 255]], [[7, 8], [9, 10]]]}']
SCOPE: dict[str, Any] = {
    **{"type": "http", "method": "POST", "path": "/invocations", "raw_path": b"/invocations", "query_string": b""},
    **{"headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")], "client": ("127.0.0.1", 1)},
    **{"http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "root_path": ""},
}


class Sums:
    """A model of images that answers with their sums."""

    def predict(self, images: np.ndarray, params: object = None) -> list[dict[str, int]]:
        """(n, side, side) uint8 -> n records."""
        return [{"sum": int(image.sum())} for image in images]


@cache
def guard() -> Guard:
    """MLflow's scoring app of `Sums` with the signature of a registered model, behind the limits."""
    from mlflow.models import Model, ModelSignature
    from mlflow.pyfunc import PyFuncModel
    from mlflow.pyfunc.scoring_server import init
    from mlflow.types import Schema, TensorSpec

    logging.getLogger("mlflow").setLevel("ERROR")  # it advises against `instances`
    signature = ModelSignature(Schema([TensorSpec(np.dtype(np.uint8), (-1, SIDE, SIDE))]))
    return Guard(init(PyFuncModel(Model(signature=signature), Sums())), LIMITS)


@cache
def runner() -> asyncio.Runner:
    """One event loop for all requests, as a server has."""
    return asyncio.Runner()


def request(raw: bytes, folder: Path) -> object:
    """The answer to a body; a refusal is a UserError. Raises RuntimeError for an error of the server's."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    with redirect_stderr(io.StringIO()) as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own parts
        runner().run(guard()(dict(SCOPE), receive, send))
    status, answer = sent[0]["status"], json.loads(sent[1]["body"])
    if status >= 500 or log.getvalue().count("\n") != 1:
        raise RuntimeError(f"status {status}, logged {log.getvalue()!r}")
    if status >= 400:
        raise UserError(answer["message"])
    return answer["predictions"]


def picture(raw: bytes, folder: Path) -> np.ndarray:
    """A picture; a refusal is a UserError."""
    try:
        return read_picture(raw, FASHION_MNIST, "auto")
    except ValueError as refusal:
        raise UserError(str(refusal)) from None


def pictures() -> list[bytes]:
    """Small pictures of all formats that are read."""
    from PIL import Image

    colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8))
    kinds = [("PNG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"), ("GIF", "P"), ("BMP", "RGB")]
    kinds += [("WEBP", "RGB"), ("TIFF", "RGB")]
    files = []
    for form, mode in kinds:
        file = io.BytesIO()
        colours.convert(mode).save(file, form)
        files.append(file.getvalue())
    return files


def predicted_file(suffix: str) -> Callable[[bytes, Path], object]:
    """A file of images for `predict`."""

    def read(raw: bytes, folder: Path) -> object:
        path = folder / f"images{suffix}"
        path.write_bytes(raw)
        return list(read_batches(path, LIMITS.images, "auto"))

    return read
