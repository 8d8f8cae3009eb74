import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.pipeline import spool
from src.pipeline.spool import Writer, alive, attachments, pending, read_events, remove, remove_leftovers
from tests.pipeline.stores import environment

HEADER = {"event": "run", "id": "7"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spool's folder, which is not there yet."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(Writer, "told", False)
    return tmp_path / ".spool"


def test_events_are_read_as_they_were_written_and_the_header_stands_first(folder: Path) -> None:
    writer = Writer("7", HEADER)
    writer.append({"a": "ü\n"}, {"b": 0.1})
    assert pending() == [writer.path]
    assert writer.path.parent == folder
    assert spool.header(writer.path) == HEADER
    assert spool.run_of(writer.path) == "7"
    events, end = read_events(writer.path, 0)
    assert events == [HEADER, {"a": "ü\n"}, {"b": 0.1}]
    assert read_events(writer.path, end) == ([], end)
    writer.append({"c": 1})
    assert read_events(writer.path, end)[0] == [{"c": 1}]
    writer.close()


def test_half_a_line_is_left_for_later(folder: Path) -> None:
    folder.mkdir()
    path = folder / "1-7.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b"')
    events, end = read_events(path, 0)
    assert (events, end) == ([{"a": 1}], 9)
    assert read_events(path, end) == ([], end)


def test_files_are_sent_in_the_order_in_which_they_were_begun() -> None:
    writers = [Writer(name, HEADER) for name in "cab"]
    assert pending() == [writer.path for writer in writers]
    for writer in writers:
        writer.close()


def test_a_writer_is_alive_until_it_closes() -> None:
    writer = Writer("7", HEADER)
    assert alive(writer.path)
    writer.close()
    assert not alive(writer.path)
    remove(writer.path)
    assert not alive(writer.path)  # a sender was faster


def test_a_writer_that_is_killed_is_not_alive(tmp_path: Path) -> None:
    code = "from src.pipeline.spool import Writer; w = Writer('7', {}); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(DVC_ROOT=str(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        (path,) = pending()
        assert alive(path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not alive(path)


def test_an_attached_file_is_a_copy_which_goes_with_the_events(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    writer = Writer("7", HEADER)
    for content in (b"one", b"two"):
        page.write_bytes(content)
        writer.attach(page, {"event": "artifact"})
    page.unlink()
    writer.close()
    files = [event["file"] for event in read_events(writer.path, 0)[0][1:]]
    assert [(attachments(writer.path) / file).read_bytes() for file in files] == [b"one", b"two"]
    remove(writer.path)
    assert pending() == []
    assert not attachments(writer.path).exists()


def test_files_behind_one_that_could_not_be_attached_are_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer("7", HEADER)
    (tmp_path / "a").write_bytes(b"a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        writer.attach(tmp_path / "a", {"event": "lost"})
    writer.attach(tmp_path / "none", {"event": "lost too"})
    writer.attach(tmp_path / "a", {"event": "kept"})
    writer.close()
    header, kept = read_events(writer.path, 0)[0]
    assert (header, kept["event"]) == (HEADER, "kept")
    assert (attachments(writer.path) / kept["file"]).read_bytes() == b"a"


def test_what_a_killed_sender_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    writers = [Writer(name, HEADER) for name in "ab"]
    for writer in writers:
        writer.attach(tmp_path / "a", {})
        writer.close()
    writers[0].path.unlink()
    remove_leftovers()
    assert not attachments(writers[0].path).exists()
    assert attachments(writers[1].path).exists()


def test_on_a_full_disk_events_are_whole_or_missing_and_one_line_tells(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    writer = Writer("7", HEADER)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        writer.append({"lost": 1})
        writer.append({"lost": 2})
    writer.append({"kept": 3})
    writer.close()
    assert read_events(writer.path, 0)[0] == [HEADER, {"kept": 3}]
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "MLflow will lack a part of this stage's runs" in told
    assert "No space left on device" in told


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_run_whose_beginning_could_not_be_written_begins_with_its_next_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        writer = Writer("7", HEADER)
        assert pending() == []
    writer.append({"a": 1})
    writer.close()
    assert read_events(writer.path, 0)[0] == [HEADER, {"a": 1}]


def test_a_folder_that_cannot_be_made_fails_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder.write_bytes(b"in the way")
    for run_id in "78":
        writer = Writer(run_id, HEADER)
        writer.append({"a": 1})
        writer.close()
    assert capfd.readouterr().err.count("\n") == 1


def test_a_file_in_which_nothing_could_be_written_is_not_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", no_space)
    Writer("7", HEADER).close()
    assert list(folder.iterdir()) == []


def test_trouble_is_kept_until_it_is_over(folder: Path) -> None:
    assert spool.trouble() == ""
    folder.mkdir()
    spool.set_trouble("The store is away.")
    assert spool.trouble() == "The store is away."
    spool.set_trouble("")
    assert spool.trouble() == ""


def test_only_one_process_sends(folder: Path) -> None:
    with spool.sender_lock() as mine, spool.sender_lock() as second:
        assert (mine, second) == (True, False)
    with (folder / "sender.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is free again
