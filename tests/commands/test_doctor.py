import subprocess
import sys
from pathlib import Path

import pytest

from src.commands import doctor
from src.health.check import Check

ROOT = Path(__file__).parents[2]


def answer(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, list[str]]:
    """The exit status and the lines."""
    status: object = 0
    try:
        doctor.main(arguments)
    except SystemExit as end:
        status = end.code
    return status, capsys.readouterr().out.splitlines()


def test_each_check_has_a_line_and_what_is_wrong_one_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = {"first": Check("ok", "fine"), "second": Check("warning", "near the\nend", "hurry")}
    monkeypatch.setattr(doctor, "CHECKS", {name: lambda check=check: check for name, check in checks.items()})
    status, lines = answer([], capsys)
    assert status == 0
    assert [" ".join(line.split()) for line in lines] == [
        "ok first fine.",
        "warning second near the end.",
        "To mend it: hurry",
    ]


def test_what_is_broken_gives_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> Check:
        raise KeyError("pid")

    monkeypatch.setattr(doctor, "CHECKS", {"one": lambda: Check("broken", "no", "do"), "two": fails})
    status, lines = answer([], capsys)
    assert status == "doctor: broken: one, two"  # which Python prints, and exits with 1
    assert "broken   two          cannot be checked: KeyError: 'pid'." in lines


def test_a_fix_is_made_and_the_check_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    state = {"whole": False}

    def check() -> Check:
        broken = Check("broken", "cut", "do", lambda: state.update(whole=True))
        return Check("ok", "whole") if state["whole"] else broken

    monkeypatch.setattr(doctor, "CHECKS", {"lock": check})
    assert answer([], capsys)[0] == "doctor: broken: lock"
    assert not state["whole"]
    status, lines = answer(["--fix"], capsys)
    assert (status, state["whole"]) == (0, True)
    assert [line.split()[0] for line in lines] == ["broken", "To", "ok"]


def test_a_fix_that_fails_is_told_and_the_other_checks_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fix() -> None:
        raise PermissionError(13, "Permission denied", "a.checkpoint")

    checks = {"one": Check("warning", "2 files are old", "remove them", fix), "two": Check("ok", "fine")}
    monkeypatch.setattr(doctor, "CHECKS", {name: lambda check=check: check for name, check in checks.items()})
    status, lines = answer(["--fix"], capsys)
    assert status == "doctor: broken: one"
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "broken one 2 files are old, and --fix fails: PermissionError: [Errno 13] Permission denied: 'a.checkpoint'.",
        "To mend it: remove them",
        "ok two fine.",
    ]


def test_quick_takes_no_tensorflow() -> None:
    code = "import sys; from src.commands.doctor import main\ntry: main(['--quick'])\nexcept SystemExit: pass\n"
    code += "print([name for name in ('keras', 'tensorflow', 'mlflow') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]", done.stdout + done.stderr
    names = [line.split()[1] for line in lines if line.startswith(("ok", "warning", "broken"))]
    assert names == [name.split()[0] for name in doctor.CHECKS if name not in doctor.SLOW]
