"""The models' second table: everything that the first does not show, without what is the same for all models."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from src.comparison.model_rows import ModelRow
from src.comparison.runs import Run
from src.reporting.formats import count, percent, percent_range, points, seconds


class Cell(NamedTuple):
    """A cell as text, and the number that it is sorted by; None sorts by the text."""

    text: str
    value: float | None = None


class Details(NamedTuple):
    """Headings, whether numbers stand below each, the cells of each model, and {heading: text} of what is the same."""

    headings: list[str]
    numeric: list[bool]
    cells: dict[str, list[Cell]]
    same: dict[str, str]


def _number(key: str, form: Callable[..., str]) -> Callable[[Mapping[str, Any]], Cell]:
    """A column of numbers in a format; empty where there is none."""

    def cell(row: Mapping[str, Any]) -> Cell:
        value = row[key]
        return Cell("") if value is None else Cell(form(value), value)

    return cell


def _interval(low: str, high: str) -> Callable[[Mapping[str, Any]], Cell]:
    """A column of intervals of shares; empty where there is none."""
    return lambda row: Cell("") if row[low] is None else Cell(percent_range(row[low], row[high]), row[low])


def _text(key: str) -> Callable[[Mapping[str, Any]], Cell]:
    """A column of words."""
    return lambda row: Cell(row[key].replace("_", " "))


PUBLISHED = {
    "Published": _number("published_test_accuracy", percent),
    "Difference, points": _number("diff_vs_published", points),
}
COLUMNS = {
    "Training accuracy": _number("train_accuracy", percent),
    "Interval of the mean test accuracy, over seeds and images": _interval("test_mean_ci_low", "test_mean_ci_high"),
    "Testing time": _number("test_seconds", seconds),
    "Epochs": _number("epochs", count),
    "Epoch of the lowest validation loss": _number("best_epoch", count),
    "Optimizer": _text("optimizer"),
    "Loss": _text("loss"),
    "Activation": _text("activation"),
    "ECE": _number("ece", "{:.3f}".format),
    "ECE by chance": _number("ece_floor", "{:.3f}".format),
    "Brier score": _number("brier", "{:.3f}".format),
    "Precision": _text("precision"),
    "Trained on": _text("device"),
    "Timed on": _text("timed_on"),
    "Software": _text("software"),
}


def build_details(models: Mapping[str, ModelRow], runs: Mapping[str, list[Run]], published: bool) -> Details:
    """The second table, with or without the columns of published numbers."""
    columns = PUBLISHED | COLUMNS if published else COLUMNS
    latencies = {model: runs[model][0].latency for model in models}
    headings = [*columns, *(latency_heading(key) for key in next(iter(latencies.values())))]
    cells = {
        model: [cell(row) for cell in columns.values()]
        + [Cell(seconds(value), value) for value in latencies[model].values()]
        for model, row in models.items()
    }
    texts = [{line[place].text for line in cells.values()} for place in range(len(headings))]
    kept = [place for place, values in enumerate(texts) if len(values) > 1]
    same = {headings[place]: min(values) for place, values in enumerate(texts) if len(values) == 1 and values != {""}}
    differing = {model: [line[place] for place in kept] for model, line in cells.items()}
    numeric = [any(line[place].value is not None for line in cells.values()) for place in kept]
    return Details([headings[place] for place in kept], numeric, differing, same)


def latency_heading(key: str) -> str:
    """The heading of a latency: bs1_p50 is the median time of a batch of one image."""
    size, name = key.removeprefix("bs").split("_")
    words = {"first": "first call", "p50": "median"}
    return f"Batch of {size}, {words.get(name, f'{name[1:]}th percentile')}"
