import contextlib
import functools
import io
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from src import download
from src.download import Files, Unavailable, from_folder, from_official, idx_files
from src.stage import UserError

NAMES = ["images", "labels"]

Serve = Callable[[Path], str]
Reply = Callable[[bytes | None], str]


def put(folder: Path, marker: str, *, end: str = ".gz") -> Path:
    """The named files in a folder, their content telling where they come from."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / f"{name}{end}").write_text(f"{name} of {marker}")
    return folder


def came_from(files: Files) -> set[str]:
    """The markers of the files that came."""
    assert list(files) == NAMES
    return {content.decode().removeprefix(f"{name} of ") for name, (content, _) in files.items()}


def check(name: str, content: bytes, where: str) -> bytes:
    """The marker of a file, as a check that decompresses gives back other bytes than it got."""
    if not content.startswith(f"{name} of ".encode()):
        raise UserError(f"{where}: must be {name}.")
    return content.removeprefix(f"{name} of ".encode())


def checked_from(content: dict[str, bytes]) -> set[str]:
    """The markers that the check gave back."""
    assert list(content) == NAMES
    return {marker.decode() for marker in content.values()}


def closed_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A download that sets no limit of its own fails its test late rather than hanging."""
    socket.setdefaulttimeout(10)
    yield
    socket.setdefaulttimeout(None)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a web server for a folder; gives its address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

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
        return f"http://127.0.0.1:{site.getsockname()[1]}"

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


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which no source has anything."""
    monkeypatch.setattr(download, "DEBIAN_FOLDER", tmp_path / "no-debian")
    monkeypatch.setattr(download, "OFFICIAL", (closed_port(), closed_port()))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def install_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Puts an apt-get on the PATH that runs the given shell lines where it downloads; $DEB is a package with files."""

    def install(script: str) -> None:
        dpkg = shutil.which("dpkg-deb", path=os.defpath)
        if not dpkg:
            pytest.skip("dpkg-deb is not here")
        tree = tmp_path / "package"
        put(tree / download.DEBIAN_FOLDER.relative_to("/"), "apt")
        (tree / "DEBIAN").mkdir()
        about = "Package: dataset-fashion-mnist\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n"
        (tree / "DEBIAN/control").write_text(about)
        package = tmp_path / "dataset-fashion-mnist_1_all.deb"
        build = [dpkg, "--build", str(tree), str(package)]
        subprocess.run(build, check=True, capture_output=True, env={"PATH": os.defpath})
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "apt-get").write_text(f"#!/bin/sh\nDEB={package}\n{script}\n")
        (folder / "apt-get").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.defpath}")

    return install


# A folder


@pytest.mark.parametrize("end", [".gz", ""])
def test_a_folder_gives_its_files_with_or_without_gz(end: str, tmp_path: Path) -> None:
    files, origin = from_folder(NAMES, put(tmp_path, "mine", end=end))
    assert came_from(files) == {"mine"}
    assert [where for _, where in files.values()] == [f"{tmp_path}/{name}{end}" for name in NAMES]
    assert origin == f"the files in {tmp_path}"


def test_a_folder_may_hold_some_files_compressed_and_some_not(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_text("images of mine")
    (tmp_path / "labels").write_text("labels of mine")
    assert came_from(from_folder(NAMES, tmp_path)[0]) == {"mine"}


def test_a_folder_without_one_of_the_files_is_no_source(tmp_path: Path) -> None:
    (put(tmp_path, "mine") / "labels.gz").unlink()
    (tmp_path / "labels").mkdir()  # a folder of that name is no file
    with pytest.raises(Unavailable, match=f"^no labels\\[.gz\\] in {tmp_path}$"):
        from_folder(NAMES, tmp_path)


@pytest.mark.parametrize("source", ["auto", "folder"])
def test_a_users_files_are_not_moved_deleted_or_changed(source: str, tmp_path: Path) -> None:
    put(tmp_path, "mine")
    (tmp_path / "notes.txt").write_text("something else")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.iterdir()}
    idx_files(NAMES, check, source=source, folder=str(tmp_path))
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.iterdir()}
    assert after == before


# The official sites


def test_official_files_come_over_http(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = serve(put(tmp_path, "web"))
    monkeypatch.setattr(download, "OFFICIAL", (site,))
    files, origin = from_official(NAMES, check)
    assert came_from(files) == {"web"}
    assert [where for _, where in files.values()] == [f"{site}/images.gz", f"{site}/labels.gz"]
    assert origin == site


def test_a_large_file_comes_whole(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "images.gz").write_bytes(content)
    monkeypatch.setattr(download, "OFFICIAL", (serve(tmp_path),))
    assert from_official(["images"], lambda name, content, where: content)[0]["images"][0] == content


def test_the_second_site_serves_all_files_where_the_first_lacks_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = put(tmp_path / "1", "first"), put(tmp_path / "2", "second")
    (first / "labels.gz").unlink()  # 404
    sites = (serve(first), serve(second))
    monkeypatch.setattr(download, "OFFICIAL", sites)
    files, origin = from_official(NAMES, check)
    assert came_from(files) == {"second"}
    assert origin == sites[1]


def test_a_site_that_does_not_answer_is_passed_over_in_time(
    serve: Serve, reply: Reply, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(download, "SECONDS_TO_ANSWER", 0.3)
    monkeypatch.setattr(download, "OFFICIAL", (reply(None), serve(put(tmp_path, "second"))))
    start = time.monotonic()
    assert came_from(from_official(NAMES, check)[0]) == {"second"}
    assert 0.3 <= time.monotonic() - start < 4


def test_a_site_that_falls_silent_in_the_middle_is_passed_over_in_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(download, "SECONDS_TO_ANSWER", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as site:
        guests = []

        def begin() -> None:
            guest, _ = site.accept()
            guests.append(guest)
            guest.recv(65536)
            guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")

        thread = threading.Thread(target=begin)
        thread.start()
        address = f"http://127.0.0.1:{site.getsockname()[1]}"
        monkeypatch.setattr(download, "OFFICIAL", (address, serve(put(tmp_path, "second"))))
        began = time.monotonic()
        assert came_from(from_official(NAMES, check)[0]) == {"second"}
        assert time.monotonic() - began < 4
        thread.join()
        guests[0].close()


def test_a_site_that_trickles_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SECONDS_TO_SEND", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as site:

        def trickle() -> None:
            guest, _ = site.accept()
            with guest, contextlib.suppress(ConnectionError):
                guest.recv(65536)
                guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
                for _ in range(100):  # each byte well before SECONDS_TO_ANSWER
                    guest.sendall(b".")
                    time.sleep(0.05)

        thread = threading.Thread(target=trickle)
        thread.start()
        slow = f"127.0.0.1:{site.getsockname()[1]}"
        monkeypatch.setattr(download, "OFFICIAL", (f"http://{slow}",))
        began = time.monotonic()
        with pytest.raises(Unavailable, match=rf"^{slow} failed \(not all files came within 0\.3 s\)$"):
            from_official(NAMES, check)
        assert 0.3 <= time.monotonic() - began < 1.5
        thread.join()


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<html>Please log in</html>"
BROKEN: dict[str, tuple[bytes | None, str]] = {
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP Error 404"),
    "500": (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", "HTTP Error 500"),
    "breaks": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345", "the connection broke after 5 of 100 bytes"),
    "hangs up": (b"", "Remote end closed connection"),
    "silent": (None, "timed out"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
    "breaks in a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n12345", "IncompleteRead"),
    "a length in letters": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n12345", "'many'"),
    "a page": (PAGE, "/images.gz: must be images"),
}


@pytest.mark.parametrize(("answer", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_site_is_named_with_the_reason(
    answer: bytes | None, reason: str, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = reply(answer)
    monkeypatch.setattr(download, "SECONDS_TO_ANSWER", 0.3)
    monkeypatch.setattr(download, "OFFICIAL", (site,))
    with pytest.raises(Unavailable, match=f"^{site.removeprefix('http://')} failed .*{reason}"):
        from_official(NAMES, check)


@pytest.mark.parametrize("answer", [answer for answer, _ in BROKEN.values()], ids=BROKEN)
def test_a_broken_site_is_passed_over(
    answer: bytes | None, serve: Serve, reply: Reply, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(download, "SECONDS_TO_ANSWER", 0.3)
    monkeypatch.setattr(download, "OFFICIAL", (reply(answer), serve(put(tmp_path, "second"))))
    assert came_from(from_official(NAMES, check)[0]) == {"second"}


def test_a_site_with_one_wrong_file_among_right_ones_is_passed_over(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = put(tmp_path / "1", "first"), put(tmp_path / "2", "second")
    (first / "labels.gz").write_text("<html>Please log in</html>")
    monkeypatch.setattr(download, "OFFICIAL", (serve(first), serve(second)))
    assert came_from(from_official(NAMES, check)[0]) == {"second"}


def test_the_reason_is_one_line_whatever_a_site_sends(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "OFFICIAL", (reply(b"SSH-2.0-OpenSSH_9.2\r\n"),))
    with pytest.raises(Unavailable) as reason:
        from_official(NAMES, check)
    assert len(str(reason.value).splitlines()) == 1


def test_progress_shows_on_a_terminal(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(download, "console", Console(file=terminal, force_terminal=True, width=100))
    monkeypatch.setattr(download, "OFFICIAL", (serve(put(tmp_path, "web")),))
    from_official(NAMES, check)
    assert "images.gz" in terminal.getvalue()
    assert "13/13 bytes" in terminal.getvalue()


def test_no_bar_is_drawn_into_a_log(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(download, "OFFICIAL", (serve(put(tmp_path, "web")),))
    from_official(NAMES, check)
    assert capsys.readouterr() == ("", "")


# Debian's package

DOWNLOAD = 'case "$*" in *"download dataset-fashion-mnist") cp "$DEB" . ;; *) exit 1 ;; esac'
NEEDS_LISTS = """
case "$*" in
"download "*) echo "N: first" >&2; echo "E: Unable to locate package dataset-fashion-mnist" >&2; exit 100 ;;
"-o Dir::State="*" update") [ -d state/lists/partial ] && touch updated ;;
"-o Dir::State="*" download dataset-fashion-mnist") [ -e updated ] && cp "$DEB" . ;;
*) exit 1 ;;
esac
"""


def test_apts_package_is_unpacked(install_apt: Callable[[str], None]) -> None:
    install_apt(DOWNLOAD)
    files, origin = download.from_apt(NAMES)
    assert came_from(files) == {"apt"}
    assert origin == "Debian's package dataset-fashion-mnist_1_all.deb"


def test_apt_without_package_lists_fetches_its_own(install_apt: Callable[[str], None]) -> None:
    install_apt(NEEDS_LISTS)
    assert came_from(download.from_apt(NAMES)[0]) == {"apt"}


def test_apts_last_complaint_is_the_reason(install_apt: Callable[[str], None]) -> None:
    install_apt('echo "W: first" >&2; echo "E: Could not resolve deb.debian.org" >&2; exit 100')
    with pytest.raises(Unavailable, match=r"^apt-get .*: E: Could not resolve deb.debian.org$"):
        download.from_apt(NAMES)


def test_apt_that_fails_without_a_word_has_a_reason_too(install_apt: Callable[[str], None]) -> None:
    install_apt("exit 100")
    with pytest.raises(Unavailable, match="no reason given"):
        download.from_apt(NAMES)


def test_a_damaged_package_is_no_source(install_apt: Callable[[str], None]) -> None:
    install_apt("echo rubbish > dataset-fashion-mnist_1_all.deb")
    with pytest.raises(Unavailable, match="^dpkg-deb .*not a Debian format archive"):
        download.from_apt(NAMES)


def test_a_package_without_the_files_is_no_source(install_apt: Callable[[str], None]) -> None:
    install_apt(DOWNLOAD)
    with pytest.raises(Unavailable, match="no other"):
        download.from_apt(["other"])


@pytest.mark.usefixtures("nothing")
def test_a_machine_without_apt_is_named_as_such() -> None:
    with pytest.raises(Unavailable, match="^no apt-get on this machine$"):
        download.from_apt(NAMES)


# Which source


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("first", ["folder", "debian", "official", "apt"])
def test_auto_takes_the_first_that_has_the_files_and_says_where(
    first: str,
    serve: Serve,
    install_apt: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = ["folder", "debian", "official", "apt"]
    there = order[order.index(first) :]
    install_apt(DOWNLOAD)
    mine, debian = tmp_path / "mine", download.DEBIAN_FOLDER
    if "folder" in there:
        put(mine, "folder")
    if "debian" in there:
        put(debian, "debian")
    if "official" in there:
        monkeypatch.setattr(download, "OFFICIAL", (serve(put(tmp_path / "web", "official")),))
    content, origin = idx_files(NAMES, check, source="auto", folder=str(mine))
    assert checked_from(content) == {first}
    assert (
        origin
        == {
            "folder": f"the files in {mine}",
            "debian": f"the files in {debian}",
            "official": download.OFFICIAL[0],
            "apt": "Debian's package dataset-fashion-mnist_1_all.deb",
        }[first]
    )
    said = capsys.readouterr().err.splitlines()
    tried = order[: order.index(first)]
    assert [line.split(":")[0] for line in said[: len(tried)]] == tried  # one line each for those that were passed over


@pytest.mark.usefixtures("nothing")
def test_auto_without_a_folder_does_not_speak_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "no-debian", "debian")
    content, _ = idx_files(NAMES, check, source="auto", folder=None)
    assert checked_from(content) == {"debian"}
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("nothing")
def test_auto_passes_over_sites_that_answer_with_a_page(
    reply: Reply,
    install_apt: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install_apt(DOWNLOAD)
    sites = (reply(PAGE), reply(PAGE))
    monkeypatch.setattr(download, "OFFICIAL", sites)
    content, _ = idx_files(NAMES, check, source="auto", folder=None)
    assert checked_from(content) == {"apt"}
    reasons = [f"{site.removeprefix('http://')} failed ({site}/images.gz: must be images.)" for site in sites]
    assert f"official: {'; '.join(reasons)}" in capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("source", ["auto", "folder"])
@pytest.mark.parametrize("wrong", NAMES)
def test_a_users_own_wrong_file_is_refused_outright(
    wrong: str, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(download.DEBIAN_FOLDER, "debian")  # would do, but the user asked for other files
    (put(tmp_path / "mine", "mine") / f"{wrong}.gz").write_text("<html>Please log in</html>")
    with pytest.raises(UserError, match=f"^{tmp_path}/mine/{wrong}.gz: must be {wrong}.$"):
        idx_files(NAMES, check, source=source, folder=str(tmp_path / "mine"))
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("nothing")
def test_without_any_source_one_error_names_each_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        idx_files(NAMES, check, source="auto", folder=str(tmp_path / "mine"))
    message = str(refusal.value)
    one, other = (site.removeprefix("http://") for site in download.OFFICIAL)
    reasons = [
        f"folder: no images[.gz] in {tmp_path}/mine",
        f"debian: no images[.gz] in {tmp_path}/no-debian",
        f"official: {one} failed (",
        f"{other} failed (",
        "apt: no apt-get on this machine",
    ]
    assert [message.index(reason) for reason in reasons] == sorted(message.index(reason) for reason in reasons)
    assert "data.source: digits, which needs no network" in message
    assert "\n" not in message


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("source", ["folder", "debian", "official", "apt"])
def test_a_source_named_outright_is_the_only_one_that_is_asked(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=rf"could not be had \({source}: ") as refusal:
        idx_files(NAMES, check, source=source, folder=str(tmp_path / "mine"))
    others = {"folder", "debian", "official", "apt"} - {source}
    assert not [other for other in others if f"{other}: " in str(refusal.value)]
    assert f"{source}: " not in capsys.readouterr().err  # the error alone gives the reason


def test_source_folder_needs_a_folder() -> None:
    with pytest.raises(UserError, match="data.folder: must name a folder when data.source is folder. Got null"):
        idx_files(NAMES, check, source="folder", folder=None)
