import dataclasses
import time
from typing import Any

import pytest

from src.serving.checks import check_address, check_images, check_type, header, host_name, is_address, must_be
from src.serving.pictures import ModelImages
from tests.serving.test_limits import IMAGE, LIMITS, body, refused, scope


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (body([IMAGE]), None),
        (b' {"instances" : [[[255,\n0], [1, 2]]]} ', None),
        (body([IMAGE] * 3), 413),
        (body([[[3.0, 1], [2, 3]]]), 400),
        (body([[["1", 1], [2, 3]]]), 400),
        (body([[[True, 1], [2, 3]]]), 400),
        (body([[[-1, 1], [2, 3]]]), 400),
        (body([[[1000, 1], [2, 3]]]), 400),
        (b'{"inputs": [[[1]]], "inputs": [[[1]]]}', 400),
        (b'{"inputs": [[[\xd9\xa1]]]}', 400),  # an Arabic one, which Python's int would take
        (b"", 400),
    ],
)
def test_a_body_has_whole_numbers_of_so_many_images(content: bytes, status: int | None) -> None:
    if status is None:
        check_images(content, LIMITS)
    else:
        assert refused(lambda: check_images(content, LIMITS)) == status


def test_colored_images_are_counted_by_their_brackets_too() -> None:
    limits = dataclasses.replace(LIMITS, images=ModelImages((2, 2, 3), "pad"))
    image = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [0, 1, 2]]]
    check_images(body([image] * 2), limits)
    assert refused(lambda: check_images(body([image] * 3), limits)) == 413


def test_checking_takes_time_in_proportion() -> None:
    start = time.perf_counter()
    for content in (b'{"inputs": ' + b"[" * 8_000_000, b'{"inputs": ' + b" " * 8_000_000, b" " * 8_000_000):
        refused(lambda content=content: check_images(content, LIMITS))
    assert time.perf_counter() - start < 5


def test_types_are_those_of_the_path() -> None:
    for kind in ("application/json", "Application/JSON; charset=UTF-8"):
        check_type(scope(content_type=kind))
    check_type(scope("/picture", content_type="image/png"))
    check_type(scope("/", "GET", content_type="whatever"))
    for path, kind in (("/invocations", "text/csv"), ("/invocations", "image/png"), ("/picture", "application/json")):
        assert refused(lambda path=path, kind=kind: check_type(scope(path, content_type=kind))) == 415


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        (scope(), None),
        (scope(host="localhost:8000", origin="http://localhost:8000"), None),
        (scope(host="10.0.0.2:8000", origin="https://10.0.0.2:8000"), None),
        (scope("/ping", "GET", host="evil.example", origin="http://evil.example"), None),
        (scope(host="evil.example"), 403),
        (scope(host="localhost", origin="http://evil.example"), 403),
        (scope(host="localhost", origin="null"), 403),
        (scope(host="localhost", origin="http://["), 403),
        (scope(host="localhost", origin="http://localhost.evil.example"), 403),
        (scope("/", "GET", host="evil.example"), 403),
        (scope("/docs", "GET"), 404),
        (scope("/invocations/", "POST"), 404),
        (scope("/invocations", "GET"), 405),
        (scope("/", "HEAD"), 405),
    ],
)
def test_addresses(request_of: dict[str, Any], status: int | None) -> None:
    if status is None:
        check_address(request_of, LIMITS.hosts)
    else:
        assert refused(lambda: check_address(request_of, LIMITS.hosts)) == status


def test_hosts() -> None:
    assert [host_name(host) for host in ("A.b:1", "[::1]:80", "1.2.3.4", "", "[", "a@b")] == [
        *("a.b", "::1", "1.2.3.4", "", "", "b")
    ]
    assert [is_address(name) for name in ("::1", "1.2.3.4", "1.2.3.4.nip.io", "localhost", "")] == [
        *(True, True, False, False, False)
    ]


def test_headers_and_sentences() -> None:
    assert header(scope(), b"host") == "localhost"
    assert header(scope(), b"origin") == ""
    assert "28 rows of 28 whole numbers" in must_be("/invocations", (28, 28))
    assert "8 rows of 8 pixels, each three whole numbers from 0" in must_be("/invocations", (8, 8, 3))
    assert "must be a picture" in must_be("/picture", (28, 28))
