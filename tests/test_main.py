import io
import subprocess
import sys
from pathlib import Path

import pytest

from src.__main__ import main
from src.params import STAGES

ROOT = Path(__file__).parents[1]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line answers before anything is run."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def command(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "src", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120)


def test_help_lists_every_stage_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    listed = {line[0]: line[1] for line in lines if len(line) == 2 and line[0] in STAGES}
    assert list(listed) == list(STAGES)
    assert listed["train"].startswith("Train one model from one or more seeds")


def test_help_takes_no_heavy_library() -> None:
    code = (
        "import sys; from src.__main__ import main; sys.argv[1:] = ['--help']\ntry: main()\nexcept SystemExit: pass\n"
    )
    code += "print([name for name in ('keras', 'mlflow', 'pandas', 'sklearn', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "the following arguments are required: STAGE"),
        (["pain"], "argument STAGE: invalid choice: 'pain'"),
        (["train"], "train must have a MODEL, as in `python -m src train cm1`"),
        (["fetch", "cm1"], "fetch takes no MODEL. Got cm1"),
        (["fetch", "--against", "HEAD"], "fetch takes no AGAINST. Got HEAD"),
        (["train", "cm1", "cnn1"], "unrecognized arguments: cnn1"),
    ],
)
def test_a_wrong_command_is_answered_with_the_usage(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer in refused(arguments, capsys)


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    done = command("train", "resnet")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith("train resnet: the model must be one of ")
    assert done.stderr.endswith(". Got 'resnet'.\n")
    assert done.stderr.count("\n") == 1


def test_bad_params_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("seed: 27", "seed: -1", 1), encoding="utf-8")
    done = command("prepare", folder=tmp_path)
    assert done.stderr == "prepare: params.yaml: seed: must be an integer in [0, 4294967296). Got -1.\n"
    assert done.returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml", "src"]


TWO_STAGES = """
from src.__main__ import main
for arguments in (["fetch"], ["train", "cm1"]):
    try:
        main(arguments)
    except SystemExit as end:
        print(end)
"""


def test_a_wrong_layer_is_told_before_anything_long(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert "layer: embedding" in text
    (tmp_path / "params.yaml").write_text(text.replace("layer: embedding", "layer: typo", 1), encoding="utf-8")
    line = [sys.executable, "-c", TWO_STAGES]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    for stage, told in zip(("fetch", "train cm1"), done.stdout.splitlines(), strict=True):
        assert told.startswith(f"{stage}: params.yaml: embed.layer: (of ")
        assert told.endswith("Got 'typo'.")
    assert not (tmp_path / "data").exists()


def test_windows_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="^This pipeline runs on Linux and macOS"):
        main(["fetch"])


def test_a_terminal_that_lacks_a_letter_fails_no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    with pytest.raises(SystemExit):
        main(["--help"])
    print("Größe", flush=True)
    assert written.getvalue().endswith(b"Gr\\xf6\\xdfe\n")
