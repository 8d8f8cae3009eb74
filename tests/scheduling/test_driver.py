import os
import signal
from collections.abc import Iterator

import pytest

from src.scheduling import driver
from src.scheduling.display import Display
from src.scheduling.driver import noted_signals, run_schedule
from src.scheduling.schedule import Schedule

GRAPH = {"a": set[str](), "b": set[str](), "c": {"a"}, "d": {"b"}}


class Fake:
    """A job that ends after so many looks at it, or when it is stopped often enough."""

    seconds = 1.25

    def __init__(self, looks: float = 2, status: int = 0, *, ran: bool = True, stops: float = 1) -> None:
        self.looks, self.status, self.ran, self.stops = looks, status, ran, stops
        self.log: list[str] = []

    def poll(self) -> int | None:
        self.looks -= 1
        return self.status if self.looks < 0 else None

    def tail(self, n_lines: int) -> list[str]:
        return []

    def stop(self) -> None:
        self.log.append("stop")
        if len(self.log) >= self.stops:
            self.looks, self.status = 0, 255

    def kill(self) -> None:
        self.log.append("kill")
        self.looks, self.status = 0, -9


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "TICK", 0.001)


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C works as in a terminal; what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(jobs: dict[str, Fake], seconds: dict[str, float] | None = None) -> tuple[list[str], list[str], Schedule]:
    """Failed stages, started stages and the schedule."""
    schedule = Schedule(GRAPH, jobs=2, seconds={} if seconds is None else seconds)
    started: list[str] = []

    def start(name: str, gpu: str | None) -> Fake:
        started.append(name)
        return jobs[name]

    return run_schedule(schedule, start, Display(4)), started, schedule


def test_all_run_and_their_times_are_kept_unless_nothing_ran() -> None:
    seconds: dict[str, float] = {"b": 7.0}
    failed, started, _ = run({name: Fake(ran=name != "b") for name in GRAPH}, seconds)
    assert (failed, sorted(started)) == ([], list("abcd"))
    assert seconds == {"a": 1.2, "b": 7.0, "c": 1.2, "d": 1.2}


def test_a_failure_leaves_out_what_hangs_on_it_alone() -> None:
    failed, started, schedule = run({"a": Fake(status=1), "b": Fake(9), "d": Fake()})
    assert (failed, started) == (["a"], ["a", "b", "d"])
    assert list(schedule.unfinished) == ["a", "c"]
    assert "a" not in schedule.seconds


def ends(jobs: dict[str, Fake], *signals: int) -> int:
    """The exit status where these signals come, the second while the jobs are being stopped."""
    stopping = jobs["a"].stop
    waiting = list(signals)

    def poll() -> int | None:
        if waiting and len(waiting) == len(signals):
            os.kill(os.getpid(), waiting.pop())
        return Fake.poll(jobs["a"])

    def stop() -> None:
        if waiting:
            os.kill(os.getpid(), waiting.pop())
        stopping()

    jobs["a"].poll, jobs["a"].stop = poll, stop  # type: ignore[method-assign]
    with pytest.raises(SystemExit) as end:
        run(jobs)
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_jobs_and_waits_for_them(number: int) -> None:
    jobs = {"a": Fake(float("inf"), stops=3), "b": Fake(float("inf"))}
    before = signal.signal(number, signal.default_int_handler)  # where the tests run behind nohup it is ignored
    try:
        assert ends(jobs, number) == 128 + number
    finally:
        signal.signal(number, before)
    assert jobs["a"].log == ["stop"] * 3
    assert jobs["b"].log == ["stop"]


def test_a_second_signal_kills() -> None:
    jobs = {"a": Fake(float("inf"), stops=float("inf")), "b": Fake(float("inf"))}
    assert ends(jobs, signal.SIGINT, signal.SIGINT) == 130
    assert jobs["a"].log == ["stop", "kill"]


def test_an_error_of_the_driver_ends_the_jobs_too() -> None:
    first = Fake(float("inf"))
    with pytest.raises(KeyError):
        run({"a": first})  # there is no b
    assert first.log == ["stop"]


def test_signals_do_what_they_did_before_and_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with noted_signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGINT)
            assert signals == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
