"""Files: written whole or not at all, in UTF-8; and the error that a user can put right."""

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

written: list[Path] = []  # by this process; the runner removes them when a stage fails


def repository_root() -> Path:
    """The repository's top: DVC names the main checkout even to a stage that runs in a temporary copy of it."""
    here = re.split(r"/\.dvc/tmp/exps/", str(Path(__file__).resolve().parents[2]))[0]
    return Path(os.environ.get("DVC_ROOT") or here)


class UserError(Exception):
    """What a user can put right: the message says what must be, what came and what to do."""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A path to write to; the file replaces `path` when the block ends well and is removed otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(path) as unfinished:
        yield unfinished
        unfinished.replace(path)
        written.append(path.absolute())


@contextmanager
def durable_write(path: Path) -> Iterator[BinaryIO]:
    """As `atomic_write`, but an open file, which stays when the stage fails and is whole even after a loss of power."""
    with _unfinished(path) as unfinished:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name is the folder's content
        finally:
            os.close(folder)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A name beside `path`, of the same suffix, for NumPy and Keras look at it; a file of that name is removed."""
    unfinished = path.with_name(f".unfinished.{path.name}")
    try:
        yield unfinished
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk names none
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def check_room(folder: Path, n_bytes: int) -> None:
    """Raises UserError unless a file of that size can be written to the folder, which is made where it is missing."""
    probe = folder / ".unfinished.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(bytes(n_bytes))
    except OSError as error:
        must = f"{folder} must be writable and have {n_bytes / 1e6:.1f} MB of room"
        raise UserError(f"{must}. {error.strerror}; make room or mend its rights, then run it again.") from None
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file."""
    with atomic_write(path) as file:
        file.write_text(text, encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """The content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, indented by two spaces, keys in the given order. Raises ValueError for NaN and infinity."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: str | Path) -> str:
    """The SHA-256 digest of a file's content, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_csv(path: str | Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header line, all values as text."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: str | Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write rows as CSV with a header line. `columns` is needed only where there may be no row."""
    with atomic_write(path) as file, file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
