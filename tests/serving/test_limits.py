import asyncio
import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import pytest

from src.serving.checks import Limits, Refused
from src.serving.limits import Guard, log_line, read_body, refusal
from src.serving.pictures import ModelImages

LIMITS = Limits(
    images=ModelImages((2, 2), "garment"),
    max_body=100,
    max_images=2,
    max_requests=2,
    read_seconds=0.2,
    hosts=frozenset({"localhost"}),
)
IMAGE = [[0, 1], [2, 3]]


def scope(path: str = "/invocations", method: str = "POST", **headers: str) -> dict[str, Any]:
    own = {"host": "localhost", "content-type": "application/json"} | {
        key.replace("_", "-"): value for key, value in headers.items()
    }
    return {
        "type": "http",
        "path": path,
        "raw_path": path.encode(),
        "method": method,
        "client": ("10.0.0.1", 5),
        "headers": [(key.encode(), value.encode()) for key, value in own.items()],
    }


class Client:
    """Sends the given parts of a body and keeps what comes back."""

    def __init__(self, parts: Iterable[bytes], silent: bool = False) -> None:
        self.parts, self.silent, self.sent = list(parts), silent, list[Any]()

    async def receive(self) -> dict[str, Any]:
        if not self.parts:
            if self.silent:
                await asyncio.sleep(60)
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self.parts.pop(0), "more_body": bool(self.parts) or self.silent}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def answer(self) -> tuple[int, dict[str, Any]]:
        return self.sent[0]["status"], json.loads(self.sent[1]["body"])


def body(images: Any) -> bytes:
    return json.dumps({"inputs": images}).encode()


def app(status: int = 200, answer: bytes = b'{"predictions": []}') -> Any:
    async def run(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-body", message["body"])]})
        await send({"type": "http.response.body", "body": answer[:5], "more_body": True})
        await send({"type": "http.response.body", "body": answer[5:]})

    return run


def ask(inner: Any, client: Client, request: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    asyncio.run(Guard(inner, LIMITS)(request or scope(), client.receive, client.send))
    return client.answer


def test_a_good_request_reaches_the_app_whole_and_its_answer_the_client() -> None:
    content = body([IMAGE, IMAGE])
    client = Client([content[:7], content[7:]])
    assert ask(app(), client) == (200, {"predictions": []})
    assert dict(client.sent[0]["headers"])[b"x-body"] == content


@pytest.mark.parametrize("status", [400, 422, 500, 504])
def test_what_the_app_says_of_an_error_is_not_passed_on(status: int) -> None:
    got, answer = ask(app(status, b'{"message": "SECRET", "stack_trace": "SECRET"}'), Client([body([IMAGE])]))
    assert got == status
    assert set(answer) == {"error_code", "message"}
    assert "SECRET" not in answer["message"]


@pytest.mark.parametrize(("error", "status"), [(RecursionError(), 400), (KeyError("SECRET"), 500), (OSError(), 500)])
def test_an_app_that_raises_is_answered_for(error: Exception, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def raising(*_: Any) -> None:
        raise error

    got, answer = ask(raising, Client([body([IMAGE])]))
    assert got == status
    assert "SECRET" not in str(answer) + capsys.readouterr().err


def test_a_full_server_answers_503_and_has_room_again_afterwards() -> None:
    async def run() -> list[int]:
        gate = asyncio.Event()

        async def waiting(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await app()(scope, receive, send)

        guard, clients = Guard(waiting, LIMITS), [Client([body([IMAGE])]) for _ in range(4)]
        running = [asyncio.create_task(guard(scope(), client.receive, client.send)) for client in clients[:2]]
        await asyncio.sleep(0.01)
        await guard(scope(), clients[2].receive, clients[2].send)
        gate.set()
        await asyncio.gather(*running)
        await guard(scope(), clients[3].receive, clients[3].send)
        assert guard.running == 0
        assert (b"retry-after", b"1") in clients[2].sent[0]["headers"]
        return [client.answer[0] for client in clients]

    assert asyncio.run(run()) == [200, 200, 503, 200]


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_a_full_server_answers_its_monitors_and_reads_nothing_of_them(path: str) -> None:
    async def run() -> None:
        guard, monitor = Guard(app(answer=b"{}"), LIMITS), Client([b"x" * 99], silent=True)
        guard.running = LIMITS.max_requests
        await guard(scope(path, "GET"), monitor.receive, monitor.send)
        assert monitor.answer == (200, {})
        assert dict(monitor.sent[0]["headers"])[b"x-body"] == b""
        assert guard.running == LIMITS.max_requests

    asyncio.run(run())


def test_a_refused_request_gives_its_place_back() -> None:
    async def run() -> None:
        guard = Guard(app(), LIMITS)
        for _ in range(5):
            client = Client([b"x"])
            await guard(scope(), client.receive, client.send)
            assert client.answer[0] == 400
        assert guard.running == 0

    asyncio.run(run())


def test_what_is_not_http_is_passed_on() -> None:
    kinds = []

    async def inner(scope: Any, *_: Any) -> None:
        kinds.append(scope["type"])

    client = Client([])
    asyncio.run(Guard(inner, LIMITS)({"type": "lifespan"}, client.receive, client.send))
    assert kinds == ["lifespan"]


def refused(work: Any) -> HTTPStatus:
    with pytest.raises(Refused) as error:
        work()
    return error.value.status


def test_a_body_is_read_up_to_its_limit() -> None:
    def read(client: Client, **headers: str) -> bytes:
        return asyncio.run(read_body(scope(**headers), client.receive, LIMITS))

    assert read(Client([b"a" * 50, b"b" * 50])) == b"a" * 50 + b"b" * 50
    assert refused(lambda: read(Client([b"a" * 50, b"b" * 51]))) == 413
    for length in ("101", "1" * 5000, "-1", "x", "²"):
        assert refused(lambda length=length: read(Client([]), content_length=length)) == 413
    assert refused(lambda: read(Client([b"a"], silent=True))) == 408
    assert refused(lambda: read(Client([]))) == 400


def test_a_refusal_has_the_form_of_mlflows_errors() -> None:
    status, headers, content = refusal(Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Busy."))
    assert status == 503
    assert json.loads(content) == {"error_code": "SERVICE_UNAVAILABLE", "message": "Busy."}
    assert dict(headers)[b"content-length"] == str(len(content)).encode()


def test_a_line_has_all_that_is_known_of_a_request() -> None:
    line = log_line(scope("/invocations"), 200, 10, 20, 0.0123)
    assert line.endswith("10.0.0.1 POST /invocations 200 in 10 out 20 12.3 ms")
    assert len(log_line(scope("/" + "x" * 9999), 404, 0, 0, 0)) < 200
