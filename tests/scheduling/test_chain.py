from functools import partial
from typing import Any

from src.scheduling.chain import Chain


class Step:
    """A job that ends with a status when it is asked the second time."""

    seconds = 2.0

    def __init__(self, status: int = 0, *, ran: bool = False) -> None:
        self.status, self.ran, self.asked, self.told = status, ran, 0, ""

    def poll(self) -> int | None:
        self.asked += 1
        return self.status if self.asked > 1 else None

    def tail(self, n_lines: int) -> list[str]:
        return [str(self.status)] * n_lines

    def stop(self) -> None:
        self.told = "stop"

    def kill(self) -> None:
        self.told = "kill"


def starts(steps: list[Step], started: list[Step]) -> list[Any]:
    def start(step: Step) -> Step:
        started.append(step)
        return step

    return [partial(start, step) for step in steps]


def polls(chain: Chain) -> list[int | None]:
    """What it answers until it ends."""
    answers = [chain.poll()]
    while answers[-1] is None:
        answers.append(chain.poll())
    return answers


def test_each_starts_when_the_one_before_has_succeeded() -> None:
    steps, started = [Step(), Step(ran=True), Step()], list[Step]()
    chain = Chain(starts(steps, started))
    assert (started, chain.ran, chain.seconds) == (steps[:1], False, 2)
    assert polls(chain) == [None] * 5 + [0]
    assert (started, chain.ran, chain.seconds) == (steps, True, 6)


def test_a_failure_is_the_end() -> None:
    steps, started = [Step(), Step(3), Step()], list[Step]()
    chain = Chain(starts(steps, started))
    assert polls(chain)[-1] == 3
    assert started == steps[:2]
    assert chain.tail(2) == ["3", "3"]


def test_a_stopped_one_starts_no_other() -> None:
    for how in ("stop", "kill"):
        steps, started = [Step(), Step()], list[Step]()
        chain = Chain(starts(steps, started))
        getattr(chain, how)()
        assert polls(chain)[-1] == 0
        assert (started, steps[0].told) == (steps[:1], how)
