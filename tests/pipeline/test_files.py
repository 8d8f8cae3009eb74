import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.pipeline import files
from src.pipeline.files import (
    UserError,
    atomic_write,
    check_room,
    durable_write,
    read_csv,
    read_json,
    repository_root,
    sha256,
    write_csv,
    write_json,
    write_text,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that this test has written."""
    paths: list[Path] = []
    monkeypatch.setattr(files, "written", paths)
    return paths


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# Whole or not at all


def test_a_file_takes_its_place_only_when_whole(tmp_path: Path, written: list[Path]) -> None:
    path = tmp_path / "new" / "folder" / "model.npz"
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(b"half")
        assert unfinished.parent == path.parent  # a rename is atomic only within a file system
        assert unfinished.suffix == ".npz"
        assert not path.exists()
        assert written == []
    assert names(tmp_path) == ["new/folder/model.npz"]
    assert path.read_bytes() == b"half"
    assert written == [path]


def test_who_reads_the_older_file_meanwhile_gets_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"older")
    with path.open("rb") as reader:
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(b"newer")
            assert path.read_bytes() == b"older"
        assert reader.read() == b"older"
    assert path.read_bytes() == b"newer"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("older", [None, b"older"])
def test_a_failure_leaves_what_was_there_before(
    tmp_path: Path, written: list[Path], error: type[BaseException], older: bytes | None
) -> None:
    path = tmp_path / "a.txt"
    if older:
        path.write_bytes(older)
    with pytest.raises(error), atomic_write(path) as unfinished:
        unfinished.write_bytes(b"half")
        raise error
    assert names(tmp_path) == (["a.txt"] if older else [])
    assert not older or path.read_bytes() == older
    assert written == []


def test_a_relative_path_is_remembered_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list[Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_text("a.txt", "")
    assert written == [tmp_path / "a.txt"]


# Even after a loss of power


def test_a_durable_file_is_on_the_disk_before_it_has_its_name_and_its_name_is_on_the_disk_at_the_end(
    tmp_path: Path, written: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(number: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink().name}")
        fsync(number)

    def noted_replace(source: Path, target: Path) -> None:
        calls.append(f"{Path(source).name} -> {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    with durable_write(tmp_path / "a") as file:
        file.write(b"whole")
    assert calls == ["fsync .unfinished.a", ".unfinished.a -> a", f"fsync {tmp_path.name}"]
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names(tmp_path) == ["a"]
    assert written == []  # the runner leaves it where it is


def test_a_durable_file_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(ValueError), durable_write(tmp_path / "a") as file:
        file.write(b"half")
        raise ValueError
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"


# Room


def test_where_there_is_room_nothing_is_left(tmp_path: Path) -> None:
    check_room(tmp_path / "new" / "models", 1_000_000)
    assert names(tmp_path) == []
    assert (tmp_path / "new/models").is_dir()


def test_a_place_without_room_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / ".unfinished.probe").symlink_to("/dev/full")  # as on a full disk
    with pytest.raises(UserError, match=f"{tmp_path} must be writable and have 1.5 MB of room. No space left on"):
        check_room(tmp_path, 1_500_000)
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_told_by_name() -> None:
    with pytest.raises(UserError, match=r"/sys/models must be writable .*(Permission denied|Read-only|not permitted)"):
        check_room(Path("/sys/models"), 1)


def test_an_error_that_names_no_file_gets_its_name(tmp_path: Path) -> None:
    (tmp_path / ".unfinished.a.txt").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as error:
        write_text(tmp_path / "a.txt", "x")
    assert error.value.filename == str(tmp_path / "a.txt")


# JSON and CSV


def test_json_has_two_spaces_the_given_order_and_letters_as_they_are(tmp_path: Path) -> None:
    content = {"test_accuracy": 0.5, "label": "Größe", "counts": [1]}
    write_json(tmp_path / "a.json", content)
    text = '{\n  "test_accuracy": 0.5,\n  "label": "Größe",\n  "counts": [\n    1\n  ]\n}\n'
    assert (tmp_path / "a.json").read_bytes() == text.encode()
    assert read_json(tmp_path / "a.json") == content


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_never_holds_what_json_does_not_know(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": number})
    assert names(tmp_path) == []


def test_csv_has_a_header_line_and_comes_back_as_text(tmp_path: Path) -> None:
    rows = [{"label": 'Größe, "L"', "count": 3, "share": None}, {"label": "0", "count": 1e-05, "share": 0.5}]
    write_csv(tmp_path / "new/a.csv", rows)
    text = 'label,count,share\n"Größe, ""L""",3,\n0,1e-05,0.5\n'
    assert (tmp_path / "new/a.csv").read_bytes() == text.encode()
    assert read_csv(tmp_path / "new/a.csv") == [
        {"label": 'Größe, "L"', "count": "3", "share": ""},
        {"label": "0", "count": "1e-05", "share": "0.5"},
    ]


def test_no_rows_are_a_header_line(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [], ["image", "label"])
    assert (tmp_path / "a.csv").read_bytes() == b"image,label\n"
    assert read_csv(tmp_path / "a.csv") == []


def test_rows_of_other_keys_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fields not in fieldnames: 'b'"):
        write_csv(tmp_path / "a.csv", [{"a": 1}, {"b": 2}])
    assert names(tmp_path) == []


def test_a_digest_is_that_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


IN_ANOTHER_LOCALE = """
import locale, sys
from src.pipeline.files import read_csv, read_json, write_csv, write_json, write_text
from src.params import read_params
assert locale.getencoding().lower() not in ("utf-8", "utf8"), locale.getencoding()
write_json("a.json", {"a": "Größe ±"})
write_csv("a.csv", [{"a": "Größe ±"}])
write_text("a.txt", "Größe ±")
assert read_json("a.json") == {"a": "Größe ±"}
assert read_csv("a.csv") == [{"a": "Größe ±"}]
print(ascii(read_params()["fetch"]["folder"]))
"""


def test_files_are_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    params = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("folder: null", "folder: /Größe", 1)
    (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
    (tmp_path / "toy.py").write_text(IN_ANOTHER_LOCALE, encoding="utf-8")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "toy.py"], cwd=tmp_path, env=os.environ | locale, capture_output=True, text=True, check=True
    )
    assert done.stdout == "'/Gr\\xf6\\xdfe'\n"
    assert (tmp_path / "a.json").read_bytes() == '{\n  "a": "Größe ±"\n}\n'.encode()
    assert (tmp_path / "a.csv").read_bytes() == "a\nGröße ±\n".encode()
    assert (tmp_path / "a.txt").read_bytes() == "Größe ±".encode()


# The repository's top


@pytest.mark.parametrize(
    ("file", "top"),
    [
        ("/home/me/fashion/src/pipeline/files.py", "/home/me/fashion"),
        ("/home/me/fashion/.dvc/tmp/exps/tmpa1b2/src/pipeline/files.py", "/home/me/fashion"),
        ("/home/me/fashion/.dvc/tmp/exps/standalone/tmpa1b2/src/pipeline/files.py", "/home/me/fashion"),
        ("/home/me/exps/tmp/fashion/src/pipeline/files.py", "/home/me/exps/tmp/fashion"),
    ],
)
def test_without_dvc_the_top_is_that_of_the_main_checkout(monkeypatch: pytest.MonkeyPatch, file: str, top: str) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(files, "__file__", file)
    assert repository_root() == Path(top)


def test_dvc_says_where_the_top_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", "/home/you/fashion")
    assert repository_root() == Path("/home/you/fashion")
