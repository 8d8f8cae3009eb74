import os
from pathlib import Path

import pytest

from src.pipeline.files import UserError
from src.pipeline.untrusted import MAX_SHOWN, check_file, shown


def test_a_file_passes_up_to_its_largest_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    (tmp_path / "link").symlink_to(path)
    check_file(path, max_bytes=1000)
    check_file(tmp_path / "link", max_bytes=1000)
    with pytest.raises(UserError, match=r"must have at most 999 bytes. It has 1,000\.$"):
        check_file(path, max_bytes=999)


def test_what_is_no_file_is_refused_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for ever
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UserError, match=r"must be a file. It is a folder, a pipe or a device\.$"):
            check_file(path, max_bytes=1000)


def test_a_path_that_leads_nowhere_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()
    for name in ("missing", "loop", "file/below", "x" * 5000):
        with pytest.raises(OSError):
            check_file(tmp_path / name, max_bytes=1000)
    with pytest.raises(UserError, match=r"^'\\x00': must be the name of a file\.$"):
        check_file(Path("\0"), max_bytes=1000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("Größe", "'Größe'"),
        ("a\nb", r"'a\nb'"),
        ("\x1b[31mred\x1b]0;title\x07", r"'\x1b[31mred\x1b]0;title\x07'"),
        ("x" * MAX_SHOWN, f"'{'x' * MAX_SHOWN}'"),
        ("x" * 10_000, f"'{'x' * (MAX_SHOWN - 1)}..."),
        ([1] * 10_000, f"{str([1] * 100)[:MAX_SHOWN]}..."),
    ],
)
def test_a_value_is_shown_on_one_short_line_without_control_characters(value: object, text: str) -> None:
    assert shown(value) == text
