"""What a request must be: its address, its host, its content type, its images."""

import ipaddress
import re
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from math import prod
from typing import Any
from urllib.parse import urlsplit

from src.serving.pictures import ModelImages

ROUTES = {  # FastAPI's own pages, which load scripts from elsewhere, are not among them
    **dict.fromkeys(("/", "/ping", "/health", "/version", "/images"), "GET"),
    **dict.fromkeys(("/invocations", "/picture"), "POST"),
}
FOR_MONITORS = ("/ping", "/health", "/version")  # by whatever name the host is called
# Whole numbers and brackets, and nothing that NumPy would cast to a number: 3.7, "12", true.
# No part of it gives back what it took (`*+`), or a body of spaces would keep it busy for hours.
NUMBERS = re.compile(rb'\s*+\{\s*+"(?:inputs|instances)"\s*+:[\[\]\d,\s]*+\}\s*+')
TOO_LARGE = re.compile(rb"\d{4}")


@dataclass(frozen=True)
class Limits:
    """images: that the model takes. The others are the options of `python -m src serve`; body in bytes."""

    images: ModelImages
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
    if origin and origin.lower().partition("://")[2] != host.lower():
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


def check_images(body: bytes, limits: Limits) -> None:
    """Raises Refused unless the body is {"inputs": whole numbers in brackets} with as many brackets as images have."""
    if not NUMBERS.fullmatch(body) or TOO_LARGE.search(body):
        raise Refused(HTTPStatus.BAD_REQUEST, must_be("/invocations", limits.images.shape))
    shape = limits.images.shape
    brackets = sum(prod(shape[:axis]) for axis in range(len(shape)))  # of an image: its own, a row's, a pixel's
    if (body.count(b"[") - 1) / brackets > limits.max_images:
        message = f"A request must have at most {limits.max_images:,} images. Send several requests."
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)


def must_be(path: str, shape: tuple[int, ...]) -> str:
    """What a body must be."""
    if path == "/picture":
        return "The body must be a picture: PNG, JPEG, GIF, BMP, WebP or TIFF."
    pixels = "pixels, each three whole numbers" if shape[2:] else "whole numbers"
    return (
        f'The body must be {{"inputs": images}}, one image or more, each {shape[0]} rows of {shape[1]} {pixels} '
        "from 0 to 255."
    )


def header(scope: MutableMapping[str, Any], name: bytes) -> str:
    """A request's header, "" where it has none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
