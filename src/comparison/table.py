"""The models as people read them: a table of six columns, and the verdict."""

from collections.abc import Sequence

from src.comparison.model_rows import ModelRow, best_model
from src.comparison.pairs import Pair


def headings(confidence: float) -> list[str]:
    """The headings of `cells`."""
    return ["Model", f"Test accuracy ({confidence:.0%} CI)", "Over seeds", "Training time", "Parameters", "Tied with"]


def cells(row: ModelRow, pairs: Sequence[Pair]) -> list[str]:
    """A model's cells: name, test accuracy and interval, mean and spread over seeds, time, parameters, ties."""
    accuracy, low, high = row["test_accuracy"], 100 * row["test_ci_low"], 100 * row["test_ci_high"]
    std = row["test_std"]
    return [
        row["model"],
        f"{accuracy:.2%} ({low:.2f}–{high:.2f})",
        "" if std is None else f"{row['test_mean']:.2%} ± {100 * std:.2f} ({row['replicas']})",
        f"{row['train_seconds']:.0f} s",
        f"{row['n_params']:,}",
        ", ".join(ties(row, pairs)),
    ]


def verdict_sentence(rows: Sequence[ModelRow], pairs: Sequence[Pair]) -> str:
    """The best model, always with those that it is tied with."""
    best = best_model(rows)
    (tied,) = (ties(row, pairs) for row in rows if row["model"] == best)
    if len(rows) == 1:
        return f"Only model: {best}."
    tie = f"tied with {', '.join(tied)}" if tied else "no model is tied with it"
    return f"Best by validation accuracy: {best}; {tie}."


def explanation(confidence: float) -> str:
    """What the columns mean."""
    return (
        "Test accuracy: of the first seed, with Wilson's interval. Over seeds: mean and standard deviation of the test "
        "accuracy, and the number of seeds. Training time: compiling, all epochs, and the validation after each. Tied "
        "with: not shown to differ, by the paired t-test over seeds where both models have enough of them, else by "
        "McNemar's exact test on the same test images, with Holm's correction over all pairs given that "
        f"test, at {1 - confidence:.0%}; equivalent: shown to differ by less than `compare.margin`."
    )


def markdown(rows: Sequence[ModelRow], pairs: Sequence[Pair], notes: Sequence[str], confidence: float) -> str:
    """The table in Markdown; below it the best model, the device, what the columns mean, and the notes."""
    rule = ["---", "---:", "---:", "---:", "---:", "---"]
    lines = [headings(confidence), rule, *(cells(row, pairs) for row in rows)]
    devices = "; ".join(dict.fromkeys(row["device"] for row in rows))
    files = "All numbers: metrics/compare/models.csv and pairs.csv."
    text = [verdict_sentence(rows, pairs), f"Trained on {devices}.", f"{explanation(confidence)} {files}", *notes]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", "\n\n".join(text), ""])


def plain_text(rows: Sequence[ModelRow], pairs: Sequence[Pair], confidence: float) -> str:
    """A short table for a terminal: mean validation accuracy, test accuracy and ties; below it the best model."""
    lines = [["Model", "Validation", f"Test ({confidence:.0%} CI)", "Tied with"]]
    for row in rows:
        model, test, *_, tied = cells(row, pairs)
        lines.append([model, f"{row['val_mean']:.2%}", test, tied])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([*table, verdict_sentence(rows, pairs)])


def ties(row: ModelRow, pairs: Sequence[Pair]) -> list[str]:
    """The models that a model is tied with, `NAME (equivalent)` where the two are shown to be so."""
    verdicts = {frozenset((pair["model_a"], pair["model_b"])): pair["verdict"] for pair in pairs}
    return [
        f"{model} (equivalent)" if verdicts[frozenset((model, row["model"]))] == "equivalent" else model
        for model in row["tied_with"].split()
    ]
