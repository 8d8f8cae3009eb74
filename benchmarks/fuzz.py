"""Readers of what comes from elsewhere, under damaged and hostile input: each must give a result or say no in a line.

`python -m benchmarks.fuzz [COUNT] [READER ...]`: so many inputs for each reader. An input is made from valid ones by a
generator seeded with the reader's name and the input's number, so it can be made again.
"""

import gzip
import io
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fuzz_images, fuzz_serving
from src.images.csv_files import read_csv
from src.images.fashion_mnist import FILES, parse_idx, verify
from src.images.store import Images
from src.params import read_params
from src.pipeline.files import UserError, read_json, write_json, write_text
from src.pipeline.untrusted import read_arrays
from src.pipeline.yaml_files import read_yaml

COUNT = 100_000
TABLE = "benchmarks/fuzz.json"
LIMIT = 10  # seconds for an input
MAX_MESSAGE = 600  # characters, most of them the path or what is known
CSV = {
    "x_train": b"a,b,c,d\n0,1,2,3\n4,5,6,7\n8,9,10,11\n",
    "y_train": b"label\n3\n7\n3\n",
    "x_test": b"a,b,c,d\n255,0,0,254\n",
    "y_test": b"label\n7\n",
}
QUOTED = b'"a","b","c","d"\r\n0,1,2,3\r\n4.0,"5",6,7\r\n8,9,10,11\r\n\r\n'
YAML = [
    b"seed: 27\nmodels: {a: &base {rate: 1e-3, on: yes}, b: {<<: *base, list: [1, 2.5, null]}}\n",
    b'fetch:\n  folder: ~/data\n  limit: null\n# comment\ntext: |\n  two\n  lines\nquoted: "a\\tb"\ndate: 2001-12-24\n',
]
# What readers stumble over: limits of numbers, line ends, quotes, control characters, YAML's and NumPy's own signs.
TOKENS = [
    *(
        b"",
        b"0",
        b"7",
        b"12",
        b"200",
        b"-1",
        b"255",
        b"256",
        b"1e400",
        b"nan",
        b"inf",
        b"9" * 400,
        b"9" * 5000,
        b"0x" + b"f" * 900,
        b"1_0",
    ),
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b'"',
        b'"\n"',
        b"'",
        b",",
        b";",
        b"\t",
        b" ",
        b"\0",
        b"\x1b[31m",
        b"\xff",
        b"\xef\xbb\xbf",
    ),
    *(
        b": ",
        b"- ",
        b"? ",
        b"[",
        b"{",
        b"}",
        b"]",
        b"[" * 500,
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!!int ",
        b"!!python/name:os ",
        b"---\n",
    ),
    *(
        b"010",
        b"1:30",
        b"~",
        b"true",
        b"null",
        b"2001-99-99",
        b"%YAML 1.1\n---\n",
        b"# ",
        b"|\n",
        b"\xc3\xa4",
        b"\xd9\xa1",
    ),
    *(b"PK\3\4", b"PK\5\6", b"\x93NUMPY", b"'|O'", b"(1099511627776,)", b"\x1f\x8b\x08", b"\xff" * 8, b"\0" * 300),
]


@dataclass
class Reader:
    """Valid files, and what reads a file of bytes in an empty folder of its own."""

    seeds: list[bytes]
    read: Callable[[bytes, Path], object]


@dataclass
class Outcome:
    """How often a reader gave a result or said no, its slowest input, and the numbers of those that went wrong."""

    results: int = 0
    refusals: int = 0
    slowest: float = 0
    findings: dict[int, str] = field(default_factory=dict)


def csv_files(raw: bytes, folder: Path) -> Images:
    """The four CSV files with the input in place of the first that is of its kind."""
    name = "y_train" if raw.startswith(b"label") else "x_train"
    for other, content in CSV.items():
        (folder / f"{other}.csv").write_bytes(raw if other == name else content)
    return read_csv(folder)


def in_a_file(name: str, read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """A reader of a path as one of bytes."""

    def read_bytes(raw: bytes, folder: Path) -> object:
        (folder / name).write_bytes(raw)
        return read(str(folder / name))

    return read_bytes


def idx(raw: bytes, folder: Path) -> np.ndarray:
    """One of Fashion-MNIST's files."""
    name = list(FILES)[0]
    return parse_idx(verify(name, raw, str(folder / name)))


def in_an_archive(raw: bytes, folder: Path) -> object:
    """An array's file within an undamaged .npz file."""
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr("x.npy", raw)
    return read_arrays(str(folder / "a.npz"))


def saved(save: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    """The content of a file of arrays."""
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def readers() -> dict[str, Reader]:
    """What is read, by its name."""
    vector = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 255])
    x, labels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3), np.array(["0", "1"])
    pairs = x[:, :2, :2]
    text = re.sub(rb"(?m)^ *#.*\n", b"", Path("params.yaml").read_bytes())
    params = text[: text.index(b"\n  cnn2:")] + text[text.index(b"\n  cm4:") :]  # three models are enough
    return {
        "CSV": Reader([CSV["x_train"], CSV["y_train"], QUOTED], csv_files),
        "IDX": Reader([gzip.compress(vector), vector], idx),
        "npz": Reader([saved(np.savez, x, labels)], in_a_file("a.npz", read_arrays)),
        "npy in npz": Reader([saved(np.save, x), saved(np.save, labels)], in_an_archive),
        "YAML": Reader(YAML, in_a_file("a.yaml", read_yaml)),
        "own npz": Reader(fuzz_images.npz(), fuzz_images.read_own_npz),
        "own Parquet": Reader(fuzz_images.parquet(), fuzz_images.read_own_parquet),
        "own folder": Reader([fuzz_images.TABLE, fuzz_images.picture(0)], fuzz_images.read_own_folder),
        "picture": Reader(fuzz_serving.pictures(), fuzz_serving.picture),
        "request": Reader(fuzz_serving.REQUESTS, fuzz_serving.request),
        "npz for predict": Reader([saved(np.savez_compressed, x=pairs)], fuzz_serving.predicted_file(".npz")),
        "npy for predict": Reader([saved(np.save, pairs)], fuzz_serving.predicted_file(".npy")),
        "params.yaml": Reader([params], in_a_file("params.yaml", read_params)),
    }


def make_input(name: str, seeds: list[bytes], number: int) -> bytes:
    """The input of that number: a seed after one change or more."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    raw = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.geometric(0.6)):
        start = int(rng.integers(len(raw) + 1))
        end = start + int(rng.integers(1, 1 + min(64, max(1, len(raw) - start))))
        match rng.integers(7):
            case 0:  # a bit
                if start < len(raw):
                    raw[start] ^= 1 << int(rng.integers(8))
            case 1:
                raw[start:end] = rng.bytes(end - start)
            case 2:
                raw[start:start] = TOKENS[rng.integers(len(TOKENS))]
            case 3:
                raw[start:end] = TOKENS[rng.integers(len(TOKENS))]
            case 4:
                del raw[start:end]
            case 5:  # a piece of a valid file
                other = seeds[rng.integers(len(seeds))]
                cut = int(rng.integers(len(other) + 1))
                raw[start:end] = other[cut : cut + 64]
            case 6:
                raw[start:start] = raw[start:end] * int(rng.integers(1, 50))
    return bytes(raw[: int(rng.integers(len(raw) + 1))]) if rng.random() < 0.1 else bytes(raw)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in a block that takes longer."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def try_inputs(name: str, reader: Reader, count: int, limit: float = LIMIT) -> Outcome:
    """Give a reader that many inputs. Warnings are errors, and so is a refusal that is no short, printable line."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder, suppress(UserError):
        reader.read(reader.seeds[0], Path(folder))  # libraries are loaded
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="error"):
        for number in range(count):
            raw = make_input(name, reader.seeds, number)
            start = time.perf_counter()
            try:
                with time_limit(limit):
                    reader.read(raw, Path(folder))
                outcome.results += 1
            except UserError as refusal:
                if len(str(refusal)) <= MAX_MESSAGE and str(refusal).isprintable():
                    outcome.refusals += 1
                else:
                    outcome.findings[number] = f"refusal {str(refusal)[:MAX_MESSAGE]!r}"
            except (Exception, RecursionError) as error:
                outcome.findings[number] = traceback.format_exception_only(error)[0][:MAX_MESSAGE]
            outcome.slowest = max(outcome.slowest, time.perf_counter() - start)
    return outcome


def main(arguments: list[str]) -> None:
    """Fuzz the readers -> benchmarks/fuzz.json and .md, where other readers keep their lines.

    The exit status tells whether something went wrong.
    """
    count = int(arguments[0]) if arguments else COUNT
    unknown = set(arguments[1:]) - set(readers())
    if unknown:
        sys.exit(f"The readers are {', '.join(readers())}. Got {', '.join(unknown)}.")
    table = read_json(TABLE) if Path(TABLE).exists() else {}
    for name, reader in readers().items():
        if name in arguments[1:] or not arguments[1:]:
            outcome = try_inputs(name, reader, count)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            table[name] = vars(outcome) | {"peak_gb": round(peak, 2)}
            print(f"{name}: {table[name]}", flush=True)
            write_json(TABLE, table)
            write_text(Path(TABLE).with_suffix(".md"), markdown(table))
    sys.exit(any(row["findings"] for row in table.values()))


def markdown(table: dict[str, dict[str, Any]]) -> str:
    """The table of all readers."""
    lines = [
        *(
            "# Damaged and hostile input",
            "",
            "Made from valid files by one change or a few. Memory is the process's.",
            "",
        ),
        "| Reader | Inputs | Results | Refused in a line | Anything else | Slowest | Memory |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in table.items():
        counts = row["results"], row["refusals"], len(row["findings"])
        cells = [f"{number:,}" for number in (sum(counts), *counts)]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['slowest']:.2f} s | {row['peak_gb']:.2f} GB |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main(sys.argv[1:])
