"""Run a schedule: start what may start, note what ends, and end all in order when told to stop."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from src.scheduling.display import Display
from src.scheduling.process import Job
from src.scheduling.schedule import Schedule

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK = 0.2  # seconds; at most one process starts in each, for all take DVC's lock at their start


def run_schedule(schedule: Schedule, start: Callable[[str, str | None], Job], display: Display) -> list[str]:
    """Run all stages; `start` starts one, on a GPU or None. Returns those that failed.

    What hangs on a failed stage is left out, the rest goes on. At Ctrl-C, SIGTERM and SIGHUP the running stages end in
    order, and then this process, by SystemExit; a second signal kills them.
    """
    jobs: dict[str, Job] = {}
    failed: list[str] = []
    with noted_signals() as signals, display:
        try:
            while not signals:
                for name, job in list(jobs.items()):
                    status = job.poll()
                    if status is not None:
                        del jobs[name]
                        schedule.finish(name, succeeded=status == 0)
                        failed += [name] if status else []
                        if status == 0 and job.ran:
                            schedule.seconds[name] = round(job.seconds, 1)
                        display.end(name, job, status)
                if started := schedule.start():
                    jobs[started[0]] = start(*started)
                    display.start(started[0])
                if not jobs:
                    return failed
                display.refresh(jobs, schedule)
                time.sleep(TICK)
        finally:
            _end(jobs.values(), signals)
    sys.exit(128 + signals[0])


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """The numbers of the signals that came since, which do nothing else meanwhile: none falls between two steps."""
    numbers: list[int] = []
    heeded = [kind for kind in ENDING if signal.getsignal(kind) != signal.SIG_IGN]  # nohup ignores SIGHUP
    before = {kind: signal.signal(kind, lambda number, _: numbers.append(number)) for kind in heeded}
    try:
        yield numbers
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _end(jobs: Iterable[Job], signals: list[int]) -> None:
    """End the jobs and wait for them; from the second signal on, at once."""
    while running := [job for job in jobs if job.poll() is None]:
        for job in running:
            if len(signals) < 2:
                job.stop()
            else:
                job.kill()
        time.sleep(TICK)
