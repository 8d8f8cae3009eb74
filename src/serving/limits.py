"""What the server takes: the middleware before MLflow's scoring app, which by itself takes anything of any size."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from src.serving.checks import (
    FOR_MONITORS,
    Limits,
    Refused,
    check_address,
    check_images,
    check_type,
    header,
    must_be,
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Guard:
    """The ASGI app with the limits: reads a request whole, checks it, and tells a client nothing of what is inside."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app, self.limits, self.running = app, limits, 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request, and log it in a line; all that is not HTTP is passed on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, size = time.monotonic(), 0
        try:
            check_address(scope, self.limits.hosts)
            with self.place(scope["path"]):
                check_type(scope)
                body = b"" if scope["path"] in FOR_MONITORS else await read_body(scope, receive, self.limits)
                size = len(body)
                if scope["path"] == "/invocations":
                    check_images(body, self.limits)
                status, headers, answer = await self.ask(scope, body)
        except Refused as refused:
            status, headers, answer = refusal(refused)
        print(log_line(scope, status, size, len(answer), time.monotonic() - start), file=sys.stderr, flush=True)
        with suppress(OSError):  # the client has gone
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

    @contextmanager
    def place(self, path: str) -> Iterator[None]:
        """One of the server's places, until the block ends. Raises Refused where all are taken.

        Monitors need none, for a busy server lives; their requests have no body that would have to be kept.
        """
        if path in FOR_MONITORS:
            yield
            return
        if self.running >= self.limits.max_requests:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server is busy. Try again in a second.")
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    async def ask(self, scope: MutableMapping[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body that the app answers. Raises Refused where they are an error's."""
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            if messages:
                return messages.pop()
            return await asyncio.Future()  # the client stays, as far as the app can see

        async def collect(message: Message) -> None:
            sent.append(message)

        status = HTTPStatus.INTERNAL_SERVER_ERROR
        try:
            await self.app(scope, receive, collect)
            status = HTTPStatus(sent[0]["status"])
        except RecursionError:  # brackets within brackets
            status = HTTPStatus.BAD_REQUEST
        except Exception as error:  # whatever it is, the next request is to be answered
            print(f"serve: {type(error).__name__} in {scope['path']}", file=sys.stderr, flush=True)
        if status == HTTPStatus.BAD_REQUEST:
            raise Refused(status, must_be(scope["path"], self.limits.images.shape))
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(status, status.description or status.phrase)
        return status, list(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


async def read_body(scope: MutableMapping[str, Any], receive: Receive, limits: Limits) -> bytes:
    """The whole body. Raises Refused where it is too long, by its header or as it comes, or takes too long to come."""
    too_long = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body must have at most {limits.max_body:,} bytes.")
    length = header(scope, b"content-length")
    if length and (not length.isascii() or not length.isdigit() or int(length[:20]) > limits.max_body):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(limits.read_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(HTTPStatus.BAD_REQUEST, "The client went away.")
                body += message.get("body", b"")
                if len(body) > limits.max_body:
                    raise too_long
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        message_text = f"The whole body must come within {limits.read_seconds:g} seconds."
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, message_text) from None


def refusal(refused: Refused) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of a refusal, in the form of MLflow's errors."""
    answer = json.dumps({"error_code": refused.status.name, "message": str(refused)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    if refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"1"))
    return refused.status, headers, answer


def log_line(scope: MutableMapping[str, Any], status: int, received: int, sent: int, seconds: float) -> str:
    """One line about a request; its address as it came, in which no line can end."""
    client = (scope.get("client") or ["-"])[0]
    path = scope["raw_path"][:100].decode("ascii", "replace")
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return f"{when} {client} {scope['method']} {path} {int(status)} in {received} out {sent} {seconds * 1000:.1f} ms"
