"""Compare the models on their saved predictions: which differ, how surely, and which of the notebook's claims hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from src.comparison import charts
from src.comparison.abstention import Abstention, abstention_rows
from src.comparison.calibration import Bin, reliability_bins
from src.comparison.claims import CheckedClaim, Rule, check_claims
from src.comparison.cost_charts import pareto
from src.comparison.long_tables import Mistake, confusion_matrices, mistake_rows, write_long_tables
from src.comparison.model_rows import ModelRow, best_model, csv_row, model_rows
from src.comparison.pairs import Pair, compare_pairs
from src.comparison.published import Published, data_differs, recipe_differs
from src.comparison.replication import Replicated, replicate
from src.comparison.replication_charts import replication
from src.comparison.runs import Run, read_runs, remove_others
from src.comparison.table import markdown, verdict_sentence
from src.images import splits
from src.pipeline.files import read_json, write_csv, write_json, write_text
from src.pipeline.schema import Count, Majority, Positive, Several

FOLDER = "metrics/compare"


@dataclass(frozen=True)
class Comparison:
    """All that `compare` finds: rows of models, pairs and published numbers, bins by model, mistakes, claims, notes."""

    rows: list[ModelRow]
    pairs: list[Pair]
    bins: dict[str, list[Bin]]
    mistakes: list[Mistake]
    claims: list[CheckedClaim]
    replicated: list[Replicated]
    notes: list[str]


def compare(
    runs: Mapping[str, Sequence[Run]],
    published: Published,
    data_note: str | None,
    labels: Sequence[str],
    images: Sequence[str],
    *,
    confidence: Majority,
    min_seeds: Several,
    n_bins: Count,
    margin: Positive,
    n_mistakes: Count,
) -> Comparison:
    """What the runs of each model show.

    data_note: why nothing published can stand beside them, if so. labels: the names of the labels, by number. images:
    the ids of the test images.
    """
    first = {model: seeds[0] for model, seeds in runs.items()}
    correct = {model: np.stack([run.correct["test"] for run in seeds]) for model, seeds in runs.items()}
    pairs = compare_pairs(correct, confidence=confidence, min_seeds=min_seeds, margin=margin)
    bins = {model: reliability_bins(run.probabilities["test"], run.y["test"], n_bins) for model, run in first.items()}
    recipe_notes = {model: recipe_differs(published, run) for model, run in first.items()}
    comparable_published = {model: None if data_note or note else published for model, note in recipe_notes.items()}
    changed = "; ".join(note for note in recipe_notes.values() if note)
    note = data_note or (f"No published numbers beside models of another recipe: {changed}." if changed else None)
    return Comparison(
        rows=model_rows(runs, pairs, bins, comparable_published, n_bins=n_bins, confidence=confidence),
        pairs=pairs,
        bins=bins,
        mistakes=[row for run in first.values() for row in mistake_rows(run, n_mistakes, labels, images)],
        claims=[] if data_note else check_claims(runs, published, Rule(confidence, min_seeds, margin)),
        replicated=replicate(runs, comparable_published, confidence),
        notes=[note] if note else [],
    )


class Summary(TypedDict):
    """The metric that tells experiments apart: accuracies to four digits, means over the seeds."""

    best_model: str
    best_test_accuracy: float
    val_accuracy: dict[str, float]


def summary(rows: Sequence[ModelRow]) -> Summary:
    """The best model, its test accuracy, and every model's validation accuracy."""
    best = best_model(rows)
    return {
        "best_model": best,
        "best_test_accuracy": next(round(row["test_mean"], 4) for row in rows if row["model"] == best),
        "val_accuracy": {row["model"]: round(row["val_mean"], 4) for row in rows},
    }


def main(params: dict[str, Any]) -> None:
    """Runs, predictions and data/published.json -> metrics/summary.json and metrics/compare, tables and charts."""
    remove_others(params["models"])
    runs, labels, confidence = read_runs(params["models"]), splits.class_names(), params["compare"]["confidence"]
    published: Published = read_json("data/published.json")
    data_note = data_differs(published, read_json("metrics/prepare/splits.json"), params["fetch"]["limit"])
    comparison = compare(runs, published, data_note, labels, splits.image_ids("test"), **params["compare"])
    rows, pairs, bins = comparison.rows, comparison.pairs, comparison.bins
    write_json("metrics/summary.json", summary(rows))
    write_csv(f"{FOLDER}/models.csv", [csv_row(row, runs[row["model"]][0]) for row in rows])
    write_text(f"{FOLDER}/models.md", markdown(rows, pairs, comparison.notes, confidence))
    write_csv(f"{FOLDER}/pairs.csv", pairs, list(Pair.__annotations__))
    write_csv(f"{FOLDER}/replication.csv", comparison.replicated, list(Replicated.__annotations__))
    write_csv(f"{FOLDER}/abstention.csv", abstention_rows(runs, confidence), list(Abstention.__annotations__))
    write_json(f"{FOLDER}/claims.json", {"notes": comparison.notes, "claims": comparison.claims})
    write_long_tables(FOLDER, runs, bins, comparison.mistakes, labels)
    charts.learning_curves(f"{FOLDER}/learning_curves.svg", runs)
    charts.confusion(f"{FOLDER}/confusion.svg", confusion_matrices(runs, len(labels)), labels)
    charts.reliability(f"{FOLDER}/reliability.svg", bins, rows)
    pareto(f"{FOLDER}/pareto.svg", runs, rows)
    replication(f"{FOLDER}/replication.svg", comparison.replicated, confidence)
    print(f"compare: {verdict_sentence(rows, pairs)}")
    if missing := {name for claim in published["claims"].values() for name in claim["models"]} - set(runs):
        print(f"compare: claims about {', '.join(sorted(missing))} are left out: params.yaml has no such model.")
