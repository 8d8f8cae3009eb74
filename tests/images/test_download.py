import functools
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from src.images import download as module
from src.images.download import download
from src.pipeline.files import UserError

NAMES = ["images", "labels"]
PAGE = b"<html>Please log in</html>"

Serve = Callable[[Path], str]
Reply = Callable[[bytes | None], str]


def put(folder: Path, marker: str) -> Path:
    """The named files in a folder, their content telling where they come from."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / f"{name}.gz").write_bytes(f"{name} of {marker}".encode())
    return folder


def check(name: str, content: bytes, where: str) -> bytes:
    """The marker of a file."""
    if not content.startswith(f"{name} of ".encode()):
        raise UserError(f"{where}: must be {name}.")
    return content.removeprefix(f"{name} of ".encode())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's cache folder, empty; no proxy stands before the servers of these tests."""
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "TIMEOUT", (0.5, 0.5))
    return tmp_path / "cache/mystery-fashion"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a web server for a folder; gives its address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def reply() -> Iterator[Reply]:
    """Starts a site that sends the given bytes to whoever asks and hangs up, or with None never answers."""
    sites: list[socket.socket] = []

    def start(answer: bytes | None) -> str:
        site = socket.create_server(("127.0.0.1", 0))
        sites.append(site)
        if answer is not None:
            threading.Thread(target=answer_all, args=(site, answer), daemon=True).start()
        return f"http://127.0.0.1:{site.getsockname()[1]}/"

    yield start
    for site in sites:
        site.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        site.close()


def answer_all(site: socket.socket, answer: bytes) -> None:
    while True:
        try:
            guest, _ = site.accept()
        except OSError:
            return
        with guest:
            guest.recv(65536)
            guest.sendall(answer)


def sites(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    monkeypatch.setattr(module, "SITES", addresses)


def closed_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_the_files_come_from_the_first_site_and_then_from_the_cache(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    site = serve(put(tmp_path / "web", "web"))
    sites(monkeypatch, site)
    assert download(NAMES, check) == ({"images": b"web", "labels": b"web"}, site)
    assert sorted(path.name for path in cache.iterdir()) == ["images.gz", "labels.gz"]
    sites(monkeypatch, closed_port())
    assert download(NAMES, check)[0] == {"images": b"web", "labels": b"web"}


def test_a_large_file_comes_whole(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "images.gz").write_bytes(content)
    sites(monkeypatch, serve(tmp_path))
    assert download(["images"], lambda name, content, where: content)[0]["images"] == content


def test_the_second_site_is_asked_where_the_first_lacks_a_file(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = put(tmp_path / "1", "first"), put(tmp_path / "2", "second")
    (first / "labels.gz").unlink()
    other = serve(second)
    sites(monkeypatch, serve(first), other)
    content, origin = download(NAMES, check)
    assert content["labels"] == b"second"
    assert origin == other


def test_a_wrong_page_is_refused_and_does_not_stay_in_the_cache(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    folder = put(tmp_path / "web", "web")
    (folder / "labels.gz").write_bytes(PAGE)
    sites(monkeypatch, serve(folder))
    with pytest.raises(UserError, match="labels.gz: must be labels."):
        download(NAMES, check)
    assert not (cache / "labels.gz").exists()
    put(folder, "web")  # as after the login
    assert download(NAMES, check)[0]["labels"] == b"web"


def test_a_damaged_file_in_the_cache_is_downloaded_anew_the_next_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    sites(monkeypatch, serve(put(tmp_path / "web", "web")))
    cache.mkdir(parents=True)
    (cache / "images.gz").write_bytes(PAGE)
    with pytest.raises(UserError, match="images.gz: must be images."):
        download(NAMES, check)
    assert download(NAMES, check)[0] == {"images": b"web", "labels": b"web"}


def http(body: bytes, *, status: str = "200 OK", length: int | str | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


BROKEN: dict[str, tuple[bytes | None, str]] = {
    "404": (http(b"", status="404 Not Found"), "404"),
    "500": (http(b"", status="500 Internal Server Error"), "500"),
    "breaks": (http(b"12345", length=100), "5 bytes read, 95 more expected"),
    "hangs up": (b"", "closed connection without response"),
    "silent": (None, "timed out"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
    "breaks in a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n12345", "IncompleteRead"),
    "a length in letters": (http(b"12345", length="many"), "many"),
    "a page": (http(PAGE), "images.gz: must be images"),
}


@pytest.mark.parametrize(("answer", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_site_is_passed_over_in_time_and_told_where_no_other_helps(
    answer: bytes | None,
    reason: str,
    serve: Serve,
    reply: Reply,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    broken, good = reply(answer), serve(put(tmp_path / "web", "web"))
    sites(monkeypatch, broken, good)
    start = time.monotonic()
    assert download(NAMES, check) == ({"images": b"web", "labels": b"web"}, good)
    assert time.monotonic() - start < 8
    for path in (tmp_path / "cache").rglob("*.gz"):
        path.unlink()
    sites(monkeypatch, broken)
    with pytest.raises(UserError, match=f"{broken.split('/')[2]}: .*{reason}") as error:
        download(NAMES, check)
    assert "\n" not in str(error.value)


def test_one_error_names_each_sites_reason_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = closed_port(), closed_port()
    sites(monkeypatch, *addresses)
    with pytest.raises(UserError) as error:
        download(NAMES, check)
    message = str(error.value)
    first, second = (message.index(f"{address.split('/')[2]}: ") for address in addresses)
    assert first < second
    for advice in ("fetch.folder", "dataset-fashion-mnist", "fetch.source: digits"):
        assert advice in message
    assert "\n" not in message


def test_the_official_sites_are_asked_over_https() -> None:
    assert len(module.SITES) == 2
    assert all(site.startswith("https://") and site.endswith("/") for site in module.SITES)


@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_bar_is_drawn_on_a_terminal_only(
    on_terminal: bool,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal)
    sites(monkeypatch, serve(put(tmp_path / "web", "web")))
    download(NAMES, check)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("100%" in err) == on_terminal
    assert on_terminal or err == ""
