"""What is shown of stages that run at the same time: a line for each end, and a table of those that run."""

from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from src.scheduling.process import Job
from src.scheduling.schedule import Schedule

TIME_WIDTH = len("59 min 59 s")
LAST_LINES = 12  # of a failed stage's output


class Display:
    """The lines and the table; a context manager that leaves the terminal as it was."""

    def __init__(self, n_stages: int) -> None:
        self.n_stages, self.n_done = n_stages, 0
        self.console = Console(highlight=False, soft_wrap=True)
        self.live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> "Display":
        """Begin to draw."""
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the table away."""
        self.live.stop()

    def start(self, name: str) -> None:
        """Say that a stage starts, where no table shows it."""
        if not self.console.is_terminal:
            self._print(f"{name}: started")

    def end(self, name: str, job: Job, status: int) -> None:
        """Say how a stage ended; where it failed, with the end of its output."""
        if status:
            self._print(f"{name}: failed after {duration(job.seconds)}. Its output ends:")
            self._print("\n".join(f"    {line}" for line in job.tail(LAST_LINES)))
            return
        self.n_done += 1
        how = "done" if job.ran else "nothing to run"
        self._print(f"{name}: {how}, {duration(job.seconds)} ({self.n_done} of {self.n_stages})")

    def refresh(self, jobs: Mapping[str, Job], schedule: Schedule) -> None:
        """Draw the table."""
        if not self.console.is_terminal:
            return
        elapsed = {name: job.seconds for name, job in jobs.items()}
        left = schedule.seconds_left(elapsed)
        title = f"{self.n_done} of {self.n_stages} done" + ("" if left is None else f", about {duration(left)} left")
        table = Table("stage", "time", "left", "last line", title=title, title_justify="left", box=None, expand=True)
        for column, width in zip(table.columns, (max(map(len, jobs)), TIME_WIDTH, TIME_WIDTH, None), strict=True):
            column.no_wrap, column.min_width = True, width
        for name, job in jobs.items():
            known = schedule.seconds.get(name)
            own_left = "" if known is None else duration(max(0, known - elapsed[name]))
            table.add_row(name, duration(elapsed[name]), own_left, escape("".join(job.tail(1))))
        self.live.update(table, refresh=True)

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False)


def duration(seconds: float) -> str:
    """A time in words, such as `7 s`, `2 min 5 s` or `3 h 20 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
