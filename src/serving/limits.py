"""What the server takes: the middleware before MLflow's scoring app, which by itself takes anything of any size."""

import asyncio
import ipaddress
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

ROUTES = {  # FastAPI's own pages, which load scripts from elsewhere, are not among them
    **dict.fromkeys(("/", "/ping", "/health", "/version"), "GET"),
    **dict.fromkeys(("/invocations", "/picture"), "POST"),
}
FOR_MONITORS = ("/ping", "/health", "/version")  # by whatever name the host is called
# Whole numbers and brackets, and nothing that NumPy would cast to a number: 3.7, "12", true.
# No part of it gives back what it took (`*+`), or a body of spaces would keep it busy for hours.
NUMBERS = re.compile(rb'\s*+\{\s*+"(?:inputs|instances)"\s*+:[\[\]\d,\s]*+\}\s*+')
TOO_LARGE = re.compile(rb"\d{4}")


@dataclass(frozen=True)
class Limits:
    """side: of an image, in pixels. The others are the options of `python -m src serve`; body in bytes."""

    side: int
    max_body: int
    max_images: int
    max_requests: int
    read_seconds: float
    hosts: frozenset[str]


class Refused(Exception):
    """A request that is not answered with a prediction, with its status and what must be."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


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
            if self.running >= self.limits.max_requests:
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server is busy. Try again in a second.")
            self.running += 1
            try:
                check_type(scope)
                body = await read_body(scope, receive, self.limits)
                size = len(body)
                if scope["path"] == "/invocations":
                    check_images(body, self.limits)
                status, headers, answer = await self.ask(scope, body)
            finally:
                self.running -= 1
        except Refused as refused:
            status, headers, answer = refusal(refused)
        print(log_line(scope, status, size, len(answer), time.monotonic() - start), file=sys.stderr, flush=True)
        with suppress(OSError):  # the client has gone
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

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
            raise Refused(status, must_be(scope["path"], self.limits.side))
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(status, status.description or status.phrase)
        return status, list(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


def must_be(path: str, side: int) -> str:
    """What a body must be."""
    if path == "/picture":
        return "The body must be a picture: PNG, JPEG, GIF, BMP, WebP or TIFF."
    return (
        f'The body must be {{"inputs": images}}, one image or more, each {side} rows of {side} whole numbers '
        "from 0 to 255."
    )


def header(scope: MutableMapping[str, Any], name: bytes) -> str:
    """A request's header, "" where it has none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def check_address(scope: MutableMapping[str, Any], hosts: frozenset[str]) -> None:
    """Raises Refused for an unknown path or method, a host that is not ours, or a page of another site.

    A name that someone else's DNS points at this machine (DNS rebinding) comes as Host; an address cannot be such.
    """
    path = scope["path"]
    if path not in ROUTES:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is {', '.join(ROUTES)}.")
    if scope["method"] != ROUTES[path]:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {ROUTES[path]}.")
    if path in FOR_MONITORS:
        return
    host = header(scope, b"host")
    if host_name(host) not in hosts and not is_address(host_name(host)):
        raise Refused(HTTPStatus.FORBIDDEN, "The host must be a name that the server knows: see --allow-host.")
    origin = header(scope, b"origin")
    if origin and urlsplit(origin).netloc.lower() != host.lower():
        raise Refused(HTTPStatus.FORBIDDEN, "The request must come from a page of this server, not of another site.")


def host_name(host: str) -> str:
    """The name in a Host header, without the port."""
    with suppress(ValueError):
        return urlsplit(f"//{host}").hostname or ""
    return ""


def is_address(name: str) -> bool:
    """Whether a host is named by its IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def check_type(scope: MutableMapping[str, Any]) -> None:
    """Raises Refused unless the content type is the path's."""
    content_type = header(scope, b"content-type").lower().replace(" ", "")
    if scope["path"] == "/invocations" and content_type not in ("application/json", "application/json;charset=utf-8"):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The content type must be application/json, in UTF-8.")
    if scope["path"] == "/picture" and not content_type.startswith("image/"):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The content type must be image/png or that of the picture.")


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


def check_images(body: bytes, limits: Limits) -> None:
    """Raises Refused unless the body is {"inputs": whole numbers in brackets} with as many brackets as images have."""
    if not NUMBERS.fullmatch(body) or TOO_LARGE.search(body):
        raise Refused(HTTPStatus.BAD_REQUEST, must_be("/invocations", limits.side))
    images = (body.count(b"[") - 1) / (limits.side + 1)
    if images > limits.max_images:
        message = f"A request must have at most {limits.max_images:,} images. Send several requests."
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)


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
