import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from src.pipeline.files import UserError
from src.serving import client
from src.serving.client import ask_images, ask_server, is_record, rows
from src.serving.pictures import FASHION_MNIST, ModelImages

Answer = tuple[int, str]
RECORD = {"label": "b", "garments": ["Bag", "Coat"], "garments_are": "assumed", "probabilities": {"a": 0.2, "b": 1}}


@contextmanager
def scoring(answer: Callable[[list[Any]], Answer], takes: Answer = (404, "")) -> Iterator[tuple[str, list[int]]]:
    """A server on loopback that answers so to the images of a request; its address, and the sizes of its requests.

    takes: its answer to the question what images it takes, which MLflow's own server does not know.
    """
    sizes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            inputs = json.loads(self.rfile.read(int(self.headers["content-length"])))["inputs"]
            sizes.append(len(inputs))
            self.say(*answer(inputs))

        def do_GET(self) -> None:  # noqa: N802
            assert self.path == "/images"
            self.say(*takes)

        def say(self, status: int, text: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", sizes
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def first_pixel(inputs: list[Any]) -> Answer:
    return 200, json.dumps({"predictions": [RECORD | {"label": str(image[0][0])} for image in inputs]})


def test_images_go_in_batches_and_answers_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BATCH", 4)
    x = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((2, 2), np.uint8)
    with scoring(first_pixel) as (url, sizes):
        assert [record["label"] for record in ask_server(url, x)] == [str(number) for number in range(10)]
    assert sizes == [4, 4, 2]


def test_a_server_says_what_images_it_takes() -> None:
    for takes, images in (
        ((404, "no such page"), FASHION_MNIST),
        ((200, '{"shape": [32, 32, 3], "fit": "crop"}'), ModelImages((32, 32, 3), "crop")),
    ):
        with scoring(first_pixel, takes) as (url, _):
            assert ask_images(url) == images


@pytest.mark.parametrize(
    "takes",
    [
        *((200, "no JSON"), (200, "[]"), (200, '{"shape": "ab", "fit": "pad"}'), (500, "")),
        *((200, '{"shape": [28, 28]}'), (200, '{"shape": [28, 28], "fit": "odd"}'), (200, '{"shape": [8], "fit": []}')),
    ],
)
def test_a_server_that_does_not_say_it_is_told(takes: Answer) -> None:
    with scoring(first_pixel, takes) as (url, _), pytest.raises(UserError, match="must say what images it takes"):
        ask_images(url)


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    answers = iter([(503, ""), (503, "")])
    with scoring(lambda inputs: next(answers, first_pixel(inputs))) as (url, sizes):
        assert [record["label"] for record in ask_server(url, np.zeros((1, 2, 2), np.uint8))] == ["0"]
    assert sizes == [1, 1, 1]


@pytest.mark.parametrize(
    ("answer", "must"),
    [
        ((400, '{"message": "no"}'), "refuses the images: 400"),
        ((503, "busy"), "refuses the images: 503 busy"),
        ((200, "no JSON"), "must answer with a record for each image"),
        ((200, "[]"), "must answer with a record for each image"),
        ((200, '{"predictions": []}'), "must answer with a record for each image"),
        ((200, '{"predictions": [0.5]}'), "must answer with a record for each image"),
        ((200, '{"predictions": [{"label": "0"}]}'), "must answer with a record for each image"),
    ],
)
def test_what_is_no_answer_is_told(monkeypatch: pytest.MonkeyPatch, answer: Answer, must: str) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with scoring(lambda _: answer) as (url, _), pytest.raises(UserError, match=must):
        list(ask_server(url, np.zeros((1, 2, 2), np.uint8)))


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    with scoring(first_pixel) as (url, _):
        pass
    with pytest.raises(UserError, match="must answer. It does not") as error:
        list(ask_server(url.replace("://", "://bob:SECRET@"), np.zeros((1, 2, 2), np.uint8)))
    assert "SECRET" not in str(error.value)
    with pytest.raises(UserError, match="must answer. It does not") as error:
        ask_images(url.replace("://", "://bob:SECRET@"))
    assert "SECRET" not in str(error.value)


def test_a_record_has_all_that_a_row_needs() -> None:
    assert is_record(RECORD)
    wrong: dict[str, Any] = {"label": 1, "garments": "Bag", "garments_are": None, "probabilities": [0.2]}
    for key, value in wrong.items():
        assert not is_record(RECORD | {key: value})
        assert not is_record({other: RECORD[other] for other in RECORD if other != key})
    assert not is_record(RECORD | {"garments": [1]})
    assert not is_record(RECORD | {"probabilities": {"a": "0.2"}})


def test_a_row_has_a_column_for_each_label() -> None:
    assert list(rows(["x.png"], [RECORD])) == [
        {
            "image": "x.png",
            "label": "b",
            "garments": "Bag; Coat",
            "garments_are": "assumed",
            "probability_a": 0.2,
            "probability_b": 1,
        }
    ]
