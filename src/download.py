"""Where Fashion-MNIST's four files can come from: a folder, Debian's folder, the official sites, Debian's package."""

import http.client
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from src.stage import UserError

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
DEBIAN_PACKAGE = "dataset-fashion-mnist"
OFFICIAL = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)
SECONDS_TO_ANSWER = 5  # a site that has not answered by then is passed over
SECONDS_TO_SEND = 600  # and one that has not sent all files by then: 31 MB at 50 kB/s

Files = dict[str, tuple[bytes, str]]  # by name without .gz: the bytes, compressed or not, and where they lay
console = Console(stderr=True)


class Unavailable(Exception):
    """A source does not have the files or does not answer."""


def idx_files(
    names: list[str], check: Callable[[str, bytes, str], bytes], *, source: str, folder: str | None
) -> tuple[dict[str, bytes], str]:
    """The checked content of the named files, from one source or with `auto` from the first that has them, and where.

    check: (name, bytes, where they lay) -> the content, or UserError if it is not right. Raises it for a user's file,
    and where no source has the files.
    """
    sources: dict[str, Callable[[], tuple[Files, str]]] = {
        "folder": lambda: from_folder(names, Path(folder or "")),
        "debian": lambda: from_folder(names, DEBIAN_FOLDER),
        "official": lambda: from_official(names, check),
        "apt": lambda: from_apt(names),
    }
    if source == "folder" and folder is None:
        raise UserError("params.yaml: data.folder: must name a folder when data.source is folder. Got null.")
    if folder is None:
        del sources["folder"]
    reasons = []
    for name in sources if source == "auto" else [source]:
        try:
            files, origin = sources[name]()
            return {name: check(name, *found) for name, found in files.items()}, origin
        except Unavailable as reason:
            reasons.append(f"{name}: {reason}")
            if source == "auto":
                console.print(reasons[-1], highlight=False, soft_wrap=True)
    raise UserError(
        f"Fashion-MNIST could not be had ({'; '.join(reasons)}). Put its four IDX files into a folder and name that "
        "in data.folder, or take data.source: digits, which needs no network."
    )


def from_folder(names: list[str], folder: Path) -> tuple[Files, str]:
    """Files that lie in a folder, with or without .gz; they are only read. Raises Unavailable."""
    files: Files = {}
    for name in names:
        path = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
        if path is None:
            raise Unavailable(f"no {name}[.gz] in {folder}")
        files[name] = (path.read_bytes(), str(path))
    return files, f"the files in {folder}"


def from_official(names: list[str], check: Callable[[str, bytes, str], bytes]) -> tuple[Files, str]:
    """Download from the data set's own repository, or from Keras's copy. Raises Unavailable.

    Wrong content counts as no answer: a network that wants a login first sends a page of its own for the file.
    """
    reasons = []
    for site in OFFICIAL:
        deadline = time.monotonic() + SECONDS_TO_SEND
        try:
            files = {name: (_download(f"{site}/{name}.gz", deadline), f"{site}/{name}.gz") for name in names}
            for name, found in files.items():
                check(name, *found)
            return files, site
        except (OSError, http.client.HTTPException, ValueError, UserError) as error:  # OSError: time-outs too
            reasons.append(f"{site.split('/')[2]} failed ({' '.join(str(error).split())})")
    raise Unavailable("; ".join(reasons))


def _download(url: str, deadline: float) -> bytes:
    """The content of an address, with a progress bar on a terminal. Raises TimeoutError at the monotonic deadline."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with (
        urllib.request.urlopen(url, timeout=SECONDS_TO_ANSWER) as answer,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        size = int(answer.headers.get("Content-Length") or 0)
        task = bar.add_task(url.rsplit("/", 1)[1], total=size or None)
        content = bytearray()
        while part := answer.read1(1 << 18):  # what is there; `read` would wait for all of it, however slowly it comes
            content += part
            bar.advance(task, len(part))
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all files came within {SECONDS_TO_SEND} s")
    if len(content) < size:
        raise OSError(f"the connection broke after {len(content)} of {size} bytes")
    return bytes(content)


def from_apt(names: list[str]) -> tuple[Files, str]:
    """Fetch Debian's package and unpack it in a temporary folder: no root, nothing installed. Raises Unavailable."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # apt's own user writes here
        console.print(f"apt-get download {DEBIAN_PACKAGE} (31 MB)", highlight=False)
        try:
            _run(["apt-get", "download", DEBIAN_PACKAGE], folder)
        except Unavailable:  # no package lists yet: fetch them into a place of our own
            for sub in ("state/lists/partial", "cache/archives/partial"):
                (folder / sub).mkdir(parents=True)
            places = {"Dir::State": folder / "state", "Dir::Cache": folder / "cache"}
            places["Dir::State::status"] = Path("/var/lib/dpkg/status")
            own = [word for option, place in places.items() for word in ("-o", f"{option}={place}")]
            _run(["apt-get", *own, "update"], folder)
            _run(["apt-get", *own, "download", DEBIAN_PACKAGE], folder)
        package = next(folder.glob("*.deb"))
        _run(["dpkg-deb", "--extract", package.name, "unpacked"], folder)
        files, _ = from_folder(names, folder / "unpacked" / DEBIAN_FOLDER.relative_to("/"))
        return files, f"Debian's package {package.name}"


def _run(command: list[str], folder: Path) -> None:
    """Run a command quietly. Raises Unavailable with its last line of complaint."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        raise Unavailable(f"no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took more than 300 s") from None
    except subprocess.CalledProcessError as error:
        complaint = (error.stderr or error.stdout).strip().splitlines() or ["no reason given"]
        raise Unavailable(f"{' '.join(command[:1] + command[-2:])}: {complaint[-1]}") from None
