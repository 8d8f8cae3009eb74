"""Which stage starts next, and how long it takes until all are done."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from graphlib import TopologicalSorter
from heapq import heapify, heappop, heappush

from src.scheduling.graph import Graph, chains


class Schedule:
    """The stages that run and those that may: all that they need is done, a job is free, and a GPU if they take one.

    Of several the one with the longest chain of stages behind it starts first.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        jobs: int,
        seconds: dict[str, float],
        gpus: Sequence[str] = (),
        on_gpu: Collection[str] = (),
    ) -> None:
        """seconds: that stages took the last time. gpus: one stage at a time for each; none: they are not counted."""
        self.graph, self.jobs, self.seconds = graph, jobs, seconds
        self.free_gpus, self.on_gpu = list(gpus), set(on_gpu) if gpus else set()
        longest, order = chains(graph, seconds), list(graph)
        self.rank = {name: (-longest[name], order.index(name)) for name in graph}
        self.sorter = TopologicalSorter(graph)
        self.sorter.prepare()
        self.ready: set[str] = set()
        self.running: dict[str, str | None] = {}
        self.unfinished = dict.fromkeys(graph)

    def start(self) -> tuple[str, str | None] | None:
        """A stage that starts now, with its GPU; None where none may."""
        self.ready |= set(self.sorter.get_ready())
        free = [name for name in self.ready if self.free_gpus or name not in self.on_gpu]
        if not free or len(self.running) >= self.jobs:
            return None
        name = min(free, key=self.rank.__getitem__)
        self.ready.remove(name)
        self.running[name] = self.free_gpus.pop(0) if name in self.on_gpu else None
        return name, self.running[name]

    def finish(self, name: str, *, succeeded: bool) -> None:
        """Take note of a stage's end; where it failed, what hangs on it never starts."""
        gpu = self.running.pop(name)
        self.free_gpus += [gpu] if gpu else []
        if succeeded:
            self.sorter.done(name)
            del self.unfinished[name]

    def seconds_left(self, elapsed: Mapping[str, float]) -> float | None:
        """Seconds until all are done, as the last run took them; None where there is a stage that it did not have.

        elapsed: seconds since the start of each running stage.
        """
        if any(name not in self.seconds for name in self.unfinished):
            return None
        ahead, clock = deepcopy(self), 0.0
        ends = [(max(0, self.seconds[name] - elapsed[name]), name) for name in self.running]
        heapify(ends)
        while True:
            while started := ahead.start():
                heappush(ends, (clock + self.seconds[started[0]], started[0]))
            if not ends:
                return clock
            clock, name = heappop(ends)
            ahead.finish(name, succeeded=True)
