"""The sender: a process that brings the spool to MLflow's store, beside the stages that write it or after them."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.pipeline import spool
from src.pipeline.delivery import Delivery
from src.pipeline.files import UserError
from src.pipeline.store import as_user_error, connect, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

POLL = 0.5  # seconds between two looks into the spool
ATTEMPTS_AT_THE_END = 3  # in a row, when no stage writes any more
LONGEST_PAUSE = 30.0  # seconds between two attempts, while a stage lives and the store fails
SAMPLE = 10.0  # seconds between two samples of the machine, as MLflow's own


class Sender:
    """Sends the spool, again and again; `errors` are those of single runs by the name of their file."""

    def __init__(self) -> None:
        self.store: tuple[MlflowClient, str] | None = None
        self.deliveries: dict[Path, Delivery] = {}
        self.errors: dict[str, str] = {}
        self.sent: list[str] = []  # names of runs
        self.monitor: Any = None
        self.sampled = time.monotonic()

    def send_all(self) -> None:
        """Send whatever is new in the spool. Raises UserError where the store cannot be used."""
        self.errors = {}
        blocked: set[str] = set()  # runs whose file could not be sent: their later ones and their children wait for it
        paths = spool.pending()
        self.deliveries = {path: delivery for path, delivery in self.deliveries.items() if path in paths}
        for path in paths:
            client, experiment = self.store = self.store or connect()
            delivery = self.deliveries.setdefault(path, Delivery(client, experiment, path))
            try:
                header = delivery.header or spool.header(path)
                if {header["id"], header.get("parent")} & blocked:
                    continue
                with as_user_error(client.tracking_uri):
                    self._send(delivery)
            except Exception as error:
                del self.deliveries[path]
                self.store = None
                self.errors[path.name] = one_line(error)
                blocked.add(spool.run_of(path))
                self.store = connect()  # where this fails, so would all others

    def _send(self, delivery: Delivery) -> None:
        if delivery.send(writing=spool.alive(delivery.path)):
            del self.deliveries[delivery.path]
            self.sent.append(delivery.header["name"])

    def sample(self) -> None:
        """Log how busy the machine is to each training that runs, as MLflow's system metrics; none of it is kept."""
        trainings = [delivery for delivery in self.deliveries.values() if delivery.header.get("monitored")]
        if not trainings or time.monotonic() - self.sampled < SAMPLE:
            return
        from mlflow.entities import Metric
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        client = trainings[0].client
        self.sampled, now = time.monotonic(), int(time.time() * 1000)
        self.monitor = self.monitor or SystemMetricsMonitor(trainings[0].run_id, tracking_uri=client.tracking_uri)
        self.monitor.collect_metrics()
        values = self.monitor.aggregate_metrics()
        for part in self.monitor.monitors:
            part.clear_metrics()
        for training in trainings:
            step = int((now - training.header["time"]) / 1000 / SAMPLE)
            metrics = [Metric(f"system/{name}", value, now, step) for name, value in values.items()]
            client.log_batch(training.run_id, metrics)


def follow() -> None:
    """Send until all is sent, or the store fails while no stage writes. Another sender is waited for."""
    os.nice(10)  # the stages come first
    while spool.pending():
        with spool.sender_lock() as mine:
            if mine:
                _follow(Sender())
                return
        time.sleep(POLL)


def _follow(sender: Sender) -> None:
    n_failures = 0  # in a row
    spool.remove_leftovers()
    while spool.pending():
        try:
            sender.send_all()
            with suppress(Exception):  # what is lost of it is no harm, and a broken store is told by the next call
                sender.sample()
            reason = next(iter(sender.errors.values()), "")
        except Exception as error:  # nobody reads what this process would print
            reason = one_line(error)
        spool.set_trouble(reason)
        n_failures = n_failures + 1 if reason else 0
        if n_failures >= ATTEMPTS_AT_THE_END and not any_alive():
            return
        if spool.pending():
            time.sleep(min(POLL * 2**n_failures, LONGEST_PAUSE))


def send_by_hand() -> str:
    """Send what waits; says what was sent. Raises UserError where the store cannot be used or refused something."""
    while True:
        with spool.sender_lock() as mine:
            if mine:
                sender = Sender()
                spool.remove_leftovers()
                sender.send_all()
                return _summary(sender)
        if any_alive():
            reason = spool.trouble() or "A running stage's own sender is at work."
            return f"{reason} Runs that are not sent in full yet: {len(spool.pending())}."
        time.sleep(POLL)


def _summary(sender: Sender) -> str:
    """What a sender has sent. Raises UserError with what it could not send."""
    n_alive = len(spool.pending()) - len(sender.errors)
    spool.set_trouble(next(iter(sender.errors.values()), ""))
    done = f"Sent {', '.join(sender.sent)}." if sender.sent else "Nothing was left to send."
    if sender.errors:
        name, reason = next(iter(sender.errors.items()))
        raise UserError(f"{done} Not sent: {len(sender.errors)}, among them .spool/{name}: {reason}")
    return done + (f" Still being written: {n_alive}." if n_alive else "")


def any_alive() -> bool:
    """Whether a stage still writes."""
    return any(spool.alive(path) for path in spool.pending())


def one_line(error: BaseException) -> str:
    """The first line of an error, without passwords."""
    return without_password((str(error) or repr(error)).split("\n")[0])
