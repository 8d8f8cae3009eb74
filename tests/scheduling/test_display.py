import io

import pytest
from rich.console import Console

from src.scheduling.display import Display, duration
from src.scheduling.schedule import Schedule


class Ended:
    """A job that took 65 seconds."""

    seconds = 65.0

    def __init__(self, *, ran: bool = True) -> None:
        self.ran = ran

    def poll(self) -> int | None:
        return None

    def tail(self, n_lines: int) -> list[str]:
        return ["first", "epoch 3/50 [bold]"][-n_lines:]

    def stop(self) -> None:
        pass

    def kill(self) -> None:
        pass


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (12_012, "3 h 20 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(2) as display:
        display.start("a")
        display.refresh({"a": Ended()}, Schedule({"a": set()}, jobs=1, seconds={}))
        display.end("a", Ended(), 0)
        display.end("b", Ended(ran=False), 0)
        display.end("c", Ended(), 255)
    assert capsys.readouterr().out.splitlines() == [
        "a: started",
        "a: done, 1 min 5 s (1 of 2)",
        "b: nothing to run, 1 min 5 s (2 of 2)",
        "c: failed after 1 min 5 s. Its output ends:",
        "    first",
        "    epoch 3/50 [bold]",
    ]


def test_a_terminal_has_a_table_of_what_runs() -> None:
    display, screen = Display(2), io.StringIO()
    display.console = display.live.console = Console(file=screen, force_terminal=True, width=100)
    schedule = Schedule({"a": set(), "b": {"a"}}, jobs=1, seconds={"a": 80, "b": 30})
    schedule.start()
    with display:
        display.start("a")
        display.refresh({"a": Ended()}, schedule)
    text = screen.getvalue()
    assert "started" not in text
    assert "0 of 2 done, about 45 s left" in text
    (row,) = {line for line in text.splitlines() if "epoch" in line}
    assert row.split() == ["a", "1", "min", "5", "s", "15", "s", "epoch", "3/50", "[bold]"]
