"""The real web server around a small app."""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src.serving.server import bind
from tests.serving.example import ROOT, server

APP = """
import asyncio
from src.serving.server import bind, run_server

async def app(scope, receive, send):
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

if __name__ == "__main__":
    run_server(app, bind("127.0.0.1", 0), 1)
"""


REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def answer(connection: socket.socket) -> bytes:
    """What comes up to the end of the app's answer."""
    content = b""
    while not content.endswith(b"ok"):
        part = connection.recv(1000)
        assert part, content
        content += part
    return content


def test_a_free_port_and_a_taken_one() -> None:
    with bind("127.0.0.1", 0) as place:
        place.listen()
        port = place.getsockname()[1]
        assert port > 0
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", port)
    with bind("::1", 0) as place:
        assert place.family == socket.AF_INET6


def test_the_parts_of_an_answer_are_sent_at_once() -> None:
    async def no_delay() -> int:
        accepted = asyncio.get_running_loop().create_future()
        place = bind("127.0.0.1", 0)
        service = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=place)
        async with service:
            _, client = await asyncio.open_connection(*place.getsockname())
            writer = await accepted
            option = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for end in (client, writer):
                end.close()
        return int(option)

    assert asyncio.run(no_delay())


def test_silent_connections_are_closed_those_at_work_are_not_and_the_end_is_in_order(tmp_path: Path) -> None:
    module = tmp_path / "small_app.py"
    module.write_text(APP, encoding="utf-8")
    path = f"{module.parent}:{ROOT}"
    with server("small_app", cwd=ROOT, ready="serve: ", PYTHONPATH=path) as (process, url, _):
        place = ("127.0.0.1", int(url.rstrip("/").split(":")[-1]))
        with socket.create_connection(place, 10) as silent, socket.create_connection(place, 10) as kept:
            start = time.monotonic()
            for _ in range(4):  # each takes 0.5 s, and silence may last 1 s
                kept.sendall(REQUEST)
                assert answer(kept).startswith(b"HTTP/1.1 200")
            assert silent.recv(1) == b""
            assert time.monotonic() - start < 5
            assert kept.recv(1) == b""
        with socket.create_connection(place, 10) as last:
            last.sendall(REQUEST)
            time.sleep(0.2)
            process.terminate()
            assert answer(last).startswith(b"HTTP/1.1 200")
            assert last.recv(1) == b""
            process.wait(timeout=10)


def test_the_server_is_light() -> None:
    """Nothing heavy is loaded before the options are read: --help answers at once."""
    code = "import sys, src.commands.serve; print([m for m in ('mlflow', 'tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
