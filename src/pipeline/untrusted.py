"""What comes from elsewhere: a file must be of the expected kind and size, and a message shows only a piece of a value."""

import stat
from pathlib import Path

from src.pipeline.files import UserError

MAX_SHOWN = 80  # characters


def check_file(path: Path, *, max_bytes: int) -> None:
    """Raises UserError unless the path leads to a file of at most so many bytes; OSError where it leads nowhere."""
    try:
        status = path.stat()
    except ValueError:  # a null byte
        raise UserError(f"{shown(str(path))}: must be the name of a file.") from None
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path}: must be a file. It is a folder, a pipe or a device.")
    if status.st_size > max_bytes:
        raise UserError(f"{path}: must have at most {max_bytes:,} bytes. It has {status.st_size:,}.")


def shown(value: object) -> str:
    """A value as Python writes it, on one line, without control characters, and cut where it is long."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN + 2 else f"{text[:MAX_SHOWN]}..."
