"""Predictions from a model that is loaded here, or from a server that speaks MLflow's protocol."""

import json
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import numpy as np

from src.pipeline.files import UserError
from src.pipeline.store import without_password
from src.serving.pictures import FASHION_MNIST, FITS, ModelImages

BATCH = 500  # images a request
SECONDS = 60  # for an answer
TRIES = 5  # of a request that a busy server refuses


def ask_images(url: str) -> ModelImages:
    """The images that a server's model takes; Fashion-MNIST's where the server does not say. Raises UserError."""
    import requests

    address = f"{url.rstrip('/')}/images"
    try:
        answer = requests.get(address, timeout=SECONDS)
    except requests.RequestException as error:
        raise _away(address, error) from None
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return FASHION_MNIST
    try:
        content = answer.json()
        if content["fit"] not in FITS:
            raise ValueError("another fit")
        return ModelImages(tuple(map(int, content["shape"])), content["fit"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{without_password(address)} must say what images it takes. It does not.") from None


def ask_server(url: str, images: np.ndarray) -> Iterator[dict[str, Any]]:
    """A record for each of n uint8 images. Raises UserError."""
    import requests

    with requests.Session() as session:
        for first in range(0, len(images), BATCH):
            body = json.dumps({"inputs": images[first : first + BATCH].tolist()})
            answer = _post(session, f"{url.rstrip('/')}/invocations", body)
            try:
                records = answer.json()["predictions"]
                whole = len(records) == len(images[first : first + BATCH]) and all(map(is_record, records))
            except (ValueError, KeyError, TypeError):
                whole = False
            if not whole:
                raise UserError(f"{without_password(url)} must answer with a record for each image. It does not.")
            yield from records


def is_record(row: Any) -> bool:
    """Whether a piece of JSON is what `rows` needs: label, garments, garments_are and {label: probability}."""
    match row:
        case {"label": str(), "garments": list(garments), "garments_are": str(), "probabilities": dict(shares)}:
            return all(isinstance(name, str) for name in garments) and all(
                isinstance(share, int | float) for share in shares.values()
            )
    return False


def _post(session: Any, address: str, body: str) -> Any:
    """The answer to a request that succeeds, after some tries if the server is busy."""
    import requests

    for attempt in range(TRIES):
        try:
            answer = session.post(address, body, headers={"content-type": "application/json"}, timeout=SECONDS)
        except requests.RequestException as error:
            raise _away(address, error) from None
        if answer.status_code != 503 or attempt == TRIES - 1:
            break
        time.sleep(1)
    if not answer.ok:
        raise UserError(f"{without_password(address)} refuses the images: {answer.status_code} {answer.text[:200]}")
    return answer


def _away(address: str, error: Exception) -> UserError:
    """The error about a server that does not answer."""
    return UserError(f"{without_password(address)} must answer. It does not ({type(error).__name__}).")


def rows(names: Iterable[str], records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of predict's CSV: image, label, garments, garments_are, and a column for each label's probability."""
    for name, record in zip(names, records, strict=True):
        yield {
            "image": name,
            "label": record["label"],
            "garments": "; ".join(record["garments"]),
            "garments_are": record["garments_are"],
            **{f"probability_{label}": share for label, share in record["probabilities"].items()},
        }
