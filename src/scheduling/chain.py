"""A job of several, one after the other."""

from collections.abc import Callable, Sequence

from src.scheduling.process import Job


class Chain:
    """A job of several, each of which starts when the one before has succeeded."""

    def __init__(self, starts: Sequence[Callable[[], Job]]) -> None:
        """starts: what starts each."""
        self.waiting = list(starts)
        self.done: list[Job] = []
        self.current: Job = self.waiting.pop(0)()

    @property
    def seconds(self) -> float:
        """Of all."""
        return sum(job.seconds for job in [*self.done, self.current])

    @property
    def ran(self) -> bool:
        """Whether one of them ran the stage's command."""
        return any(job.ran for job in [*self.done, self.current])

    def poll(self) -> int | None:
        """The exit status of the last, or of one that failed; None while one runs."""
        status = self.current.poll()
        if status == 0 and self.waiting:
            self.done.append(self.current)
            self.current = self.waiting.pop(0)()
            return None
        return status

    def tail(self, n_lines: int) -> list[str]:
        """The last lines of the one that runs, or ran last."""
        return self.current.tail(n_lines)

    def stop(self) -> None:
        """Stop it, and start no other."""
        self.waiting.clear()
        self.current.stop()

    def kill(self) -> None:
        """Kill it, and start no other."""
        self.waiting.clear()
        self.current.kill()
