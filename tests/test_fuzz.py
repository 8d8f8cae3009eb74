"""A short round of benchmarks/fuzz.py, and whether it notices a reader that goes wrong."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.fuzz import MAX_MESSAGE, Reader, main, make_input, readers, try_inputs
from src.pipeline.files import UserError

ROOT = Path(__file__).parents[1]
READERS = readers()
ROUNDS = {"params.yaml": 40}  # the others take a millisecond


@pytest.mark.parametrize("name", READERS)
def test_a_reader_gives_a_result_or_says_no_in_a_line(name: str) -> None:
    count = ROUNDS.get(name, 400)
    outcome = try_inputs(name, READERS[name], count)
    assert outcome.findings == {}
    assert outcome.results + outcome.refusals == count
    assert outcome.refusals > count / 4


@pytest.mark.parametrize(("name", "number"), [(name, n) for name in READERS for n in range(len(READERS[name].seeds))])
def test_the_inputs_are_made_from_valid_ones(name: str, number: int, tmp_path: Path) -> None:
    if name == "IDX":  # none but Fashion-MNIST's own are taken
        with pytest.raises(UserError, match="must be Fashion-MNIST's"):
            READERS[name].read(READERS[name].seeds[number], tmp_path)
    else:
        READERS[name].read(READERS[name].seeds[number], tmp_path)


def test_an_input_is_the_same_each_time_and_every_one_another() -> None:
    seeds = READERS["YAML"].seeds
    inputs = [make_input("YAML", seeds, number) for number in range(300)]
    assert inputs == [make_input("YAML", seeds, number) for number in range(300)]
    assert len(set(inputs)) > 290


def spared(read: Callable[[bytes, Path], object]) -> Callable[[bytes, Path], object]:
    """The reader, but the first call, by which libraries are loaded, gives a result."""
    calls = iter([True])
    return lambda raw, folder: None if next(calls, False) else read(raw, folder)


def refuse(message: str) -> None:
    raise UserError(message)


@pytest.mark.parametrize(
    ("read", "finding"),
    [
        (lambda raw, folder: {}[raw], "KeyError"),
        (lambda raw, folder: time.sleep(1), "TimeoutError: took longer than 0.05 s"),
        (lambda raw, folder: refuse("two\nlines"), "refusal 'two\\nlines'"),
        (lambda raw, folder: refuse("x" * (MAX_MESSAGE + 1)), "refusal 'xxx"),
        (lambda raw, folder: refuse("\x1b[31mred"), "refusal '\\x1b[31mred'"),
    ],
)
def test_what_a_reader_may_not_do_is_noticed(read: Callable[[bytes, Path], object], finding: str) -> None:
    read = spared(read)
    outcome = try_inputs("YAML", Reader([b"a"], read), 3, limit=0.05)
    assert (outcome.results, outcome.refusals) == (0, 0)
    assert [message.startswith(finding) for message in outcome.findings.values()] == [True] * 3


def test_a_round_is_written_beside_those_of_other_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    for arguments in (["30", "IDX"], ["20", "npz"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code
    table = json.loads((tmp_path / "benchmarks/fuzz.json").read_text(encoding="utf-8"))
    assert {name: row["results"] + row["refusals"] for name, row in table.items()} == {"IDX": 30, "npz": 20}
    assert "| IDX | 30 | 0 | 30 | 0 | " in (tmp_path / "benchmarks/fuzz.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="The readers are CSV, IDX, .* Got typo"):
        main(["1", "typo"])
