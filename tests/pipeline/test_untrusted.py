import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from src.pipeline.files import UserError
from src.pipeline.untrusted import MAX_SHOWN, check_file, read_arrays, shown


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


# Arrays


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An .npz file with the arrays x and names."""
    np.savez(tmp_path / "file.npz", x=np.arange(6).reshape(2, 3), names=np.array(["Bag", "Coat"]))
    return tmp_path / "file.npz"


def refused(path: Path) -> str:
    with pytest.raises(UserError, match=f"^{path}: must be a whole .npz file as a stage writes it. Got ") as error:
        read_arrays(str(path))
    assert str(error.value).isprintable()
    return str(error.value)


def test_arrays_come_back_by_their_names(file: Path) -> None:
    arrays = read_arrays(str(file))
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "x": [[0, 1, 2], [3, 4, 5]],
        "names": ["Bag", "Coat"],
    }
    assert list(read_arrays(str(file), "names")) == ["names"]
    with pytest.raises(UserError, match="labels is not a file in the archive"):
        read_arrays(str(file), "labels")
    with pytest.raises(FileNotFoundError):
        read_arrays(f"{file}x")


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (mark,)

    np.savez(tmp_path / "objects.npz", x=np.array([Hostile()], dtype=object))
    assert "allow_pickle" in refused(tmp_path / "objects.npz")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Hostile()))
    refused(tmp_path / "pickle.npz")
    assert not mark.exists()
    np.load(tmp_path / "objects.npz", allow_pickle=True)["x"]
    assert mark.exists()  # so that the line above could fail


def test_what_would_unpack_to_any_size_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(2**26, np.uint8))
    assert "It is compressed" in refused(tmp_path / "bomb.npz")


@pytest.mark.parametrize("shape", [(2**40,), (2**62, 4), (-1,), (10**30,)])
def test_a_size_that_the_file_has_not_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    header: dict[str, object] = {"descr": "|u1", "fortran_order": False, "shape": shape}
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, header)
    with zipfile.ZipFile(tmp_path / "claim.npz", "w") as archive:
        archive.writestr("x.npy", array.getvalue() + b"few")
    refused(tmp_path / "claim.npz")


@pytest.mark.parametrize("left", [0, 1, 3, 100, -1, -30])
def test_a_file_that_is_cut_is_refused(file: Path, left: int) -> None:
    file.write_bytes(file.read_bytes()[:left])
    refused(file)


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(3))
    refused(tmp_path / "one.npy")


def test_a_header_that_no_stage_writes_is_refused(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.arange(3))
    with zipfile.ZipFile(tmp_path / "old.npz", "w") as archive:
        archive.writestr("x.npy", array.getvalue().replace(b"(3,), ", b"(3L,),"))  # as Python 2 wrote it
    assert "additional header parsing" in refused(tmp_path / "old.npz")
