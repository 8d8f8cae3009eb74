import os
import time
from pathlib import Path

import pytest
from dvc.utils.serialize import load_yaml

from src.pipeline.files import UserError
from src.pipeline.yaml_files import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES, read_yaml

ROOT = Path(__file__).parents[2]


def write(folder: Path, text: str) -> str:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def refused(folder: Path, text: str) -> str:
    """The line in which a file is refused, within a second."""
    path = write(folder, text)
    start = time.process_time()
    with pytest.raises(UserError) as error:
        read_yaml(path)
    assert time.process_time() - start < 5
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < 400 + len(path)
    return message.removeprefix(f"{path}: ")


# The same values as DVC reads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),  # eight, ninety, true and words to YAML 1.1
        ("0500", 500),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("5e-05", 0.00005),
        ("1e3", 1000.0),
        ("0x10", 16),
        ("0o10", 8),
        ("1_000", 1000),
        ("~", None),
    ],
)
def test_a_value_is_what_dvc_reads(tmp_path: Path, text: str, value: object) -> None:
    path = write(tmp_path, f"key: {text}\n")
    assert repr(read_yaml(path)) == repr({"key": value}) == repr(load_yaml(path))


def test_the_params_are_what_dvc_reads() -> None:
    assert read_yaml(str(ROOT / "params.yaml")) == load_yaml(str(ROOT / "params.yaml"))


def test_anchors_and_merges_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "a: &base {x: 1, y: 2}\nb:\n  <<: *base\n  y: 3\nc: [*base, *base]\n")
    base = {"x": 1, "y": 2}
    assert read_yaml(path) == load_yaml(path) == {"a": base, "b": {"x": 1, "y": 3}, "c": [base, base]}


# What is refused

MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 10))
LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", 'must be YAML in UTF-8. Line 2: found duplicate key "seed"'),
        ("a: !!int ''\n", "line 1: must have no tag. Got 'tag:yaml.org,2002:int'."),
        ("a: 1\nb: !!bool x\n", "line 2: must have no tag."),
        ("!!python/object/apply:os.system [id]\n", "line 1: must have no tag."),
        ("a: !own {x: 1}\n", "line 1: must have no tag. Got '!own'."),
        (MERGES, f"line 5: must have at most {MAX_VALUES:,} values"),
        (LAUGHS, f"line 5: must have at most {MAX_VALUES:,} values"),
        ("a: &a [*a]\n", "line 1: must have at most"),
        ("a: &x 1\nb: &x 2\n", "line 2: an anchor must be named once. Got 'x' again."),
        ("a: *later\nlater: &later 1\n", "line 1: must have at most"),
        ("[" * 50_000, f"line 1: blocks must not stand deeper than {MAX_DEPTH} within each other."),
        ("- " * 40_000, "line 1: blocks must not stand deeper"),
        (f"a: 0x{'f' * 90_000}\n", f"line 1: a value must have at most {MAX_CHARACTERS:,} characters. Got 90,002."),
        (f"[{'1,' * 40_000}]", f"line 1: must have at most {MAX_VALUES:,} values"),
        (f"# {'x' * 200_000}", "must have at most 100,000 bytes. It has 200,002."),
        ("a: 2024-02-30\n", "must be YAML in UTF-8. day "),
        ("a: \0\n", "must be YAML in UTF-8. unacceptable character #x0000"),
        ("a: 1\n---\nb: 2\n", "must be YAML in UTF-8. Line 2: but found another document."),
        ("a: [1\n", "must be YAML in UTF-8. Line 2: "),
        ("a: 1\n? [b, [c]]\n: 2\n", "must have words or numbers as keys. Got a list of lists as a key."),
        ('a: "\\uFEFF"\na: 1\n', 'must be YAML in UTF-8. Line 2: found duplicate key "a" with value "1" (original '),
    ],
    ids=lambda text: text[:20],
)
def test_what_no_params_need_is_refused_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text).startswith(message)


def test_other_bytes_than_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(b"a: Gr\xf6\xdfe")
    with pytest.raises(UserError, match="must be YAML in UTF-8. 'utf-8' codec can't decode byte 0xf6"):
        read_yaml(str(path))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="must be a file"):
        read_yaml(str(tmp_path / "pipe"))


def test_a_file_that_is_missing_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(str(tmp_path / "missing.yaml"))
