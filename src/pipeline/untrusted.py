"""What may come from elsewhere: a file's kind and size are checked, arrays hold no pickles, a message shows little."""

import stat
import warnings
import zipfile
from pathlib import Path

import numpy as np

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


def read_arrays(path: str, *names: str) -> dict[str, np.ndarray]:
    """The named arrays of an .npz file, without names all of them. Raises UserError where no stage can have written it.

    What is compressed is refused, for it may unpack to any size, and so are Python objects, which would be unpickled.
    """
    try:
        with (
            warnings.catch_warnings(action="error"),  # of headers that no stage writes
            Path(path).open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            if any(part.compress_type != zipfile.ZIP_STORED for part in arrays.zip.infolist()):
                raise ValueError("It is compressed")
            return {name: arrays[name] for name in names or arrays.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged file NumPy and zipfile raise a dozen kinds
        advice = "`dvc checkout` brings back what DVC has, and `dvc repro` makes the rest"
        reason = shown(" ".join(str(error).split()))
        raise UserError(f"{path}: must be a whole .npz file as a stage writes it. Got {reason}; {advice}.") from None


def shown(value: object) -> str:
    """A value as Python writes it, on one line, without control characters, and cut where it is long."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN + 2 else f"{text[:MAX_SHOWN]}..."
