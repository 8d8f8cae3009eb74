"""What the page reads: the files of metrics/, as records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar, get_args, get_type_hints

from src.clustering.stability import Stability
from src.comparison.abstention import Abstention
from src.comparison.audit_records import ImagesReport, LabelIssue
from src.comparison.claims import CheckedClaim
from src.comparison.long_tables import Mistake
from src.comparison.model_rows import ModelRow
from src.comparison.pairs import Pair
from src.comparison.published import Prepared
from src.comparison.replication import Replicated
from src.comparison.slices import Slice
from src.comparison.table import ties
from src.decoding.records import Decoding, WrittenLabel
from src.images.pictures import Color
from src.inference.records import Candidate, Hidden, RowOrder, Sensitivity
from src.pipeline.files import read_csv, read_json

Record = TypeVar("Record")


class Fetched(TypedDict):
    """fetch/images.json."""

    source: str
    train_images: int
    test_images: int
    side: int
    color: Color
    public: bool


class Claims(TypedDict):
    """compare/claims.json: the checked claims, and why published numbers are left out, in sentences."""

    notes: list[str]
    claims: list[CheckedClaim]


@dataclass(frozen=True)
class Inferred:
    """infer/: what the published learning curves say of the course's mapping, and how well that works."""

    posterior: list[Candidate]
    sensitivity: list[Sensitivity]
    selftest: list[Hidden]
    row_order: RowOrder


class Decoded(Decoding, total=False):
    """decode/decoding.json; beside the decoding of 2022 where that is of the same images."""

    conclusion: str
    against_written: dict[str, WrittenLabel]


@dataclass(frozen=True)
class Results:
    """The content of metrics/. best: the best model's name. clusters: as the stage writes it."""

    best: str
    fetched: Fetched
    prepared: Prepared
    models: dict[str, ModelRow]
    pairs: list[Pair]
    mistakes: list[Mistake]
    claims: Claims
    replicated: list[Replicated]
    abstention: list[Abstention]
    audit: ImagesReport
    issues: list[LabelIssue]
    slices: list[Slice]
    clusters: Mapping[str, Any]
    stability: Stability
    decoding: Decoded
    inferred: Inferred

    def ties(self, model: str) -> str:
        """The models that a model is tied with, and which of them are equivalent, as in models.md."""
        return ", ".join(ties(self.models[model], self.pairs))


def read_results(metrics: Path) -> Results:
    """The results in a folder `metrics`."""
    compare = metrics / "compare"
    return Results(
        best=read_json(metrics / "summary.json")["best_model"],
        fetched=read_json(metrics / "fetch/images.json"),
        prepared=read_json(metrics / "prepare/splits.json"),
        models={row["model"]: row for row in read_rows(compare / "models.csv", ModelRow)},
        pairs=read_rows(compare / "pairs.csv", Pair),
        mistakes=read_rows(compare / "mistakes.csv", Mistake),
        claims=read_json(compare / "claims.json"),
        replicated=read_rows(compare / "replication.csv", Replicated),
        abstention=read_rows(compare / "abstention.csv", Abstention),
        audit=read_json(metrics / "audit/images.json"),
        issues=read_rows(metrics / "audit/label_issues.csv", LabelIssue),
        slices=read_rows(metrics / "slices/slices.csv", Slice),
        clusters=read_json(metrics / "cluster/clusters.json"),
        stability=read_json(metrics / "stability/stability.json"),
        decoding=read_json(metrics / "decode/decoding.json"),
        inferred=read_inferred(metrics / "infer"),
    )


def read_inferred(folder: Path) -> Inferred:
    """The files of metrics/infer."""
    return Inferred(
        posterior=read_rows(folder / "posterior.csv", Candidate),
        sensitivity=read_rows(folder / "sensitivity.csv", Sensitivity),
        selftest=read_rows(folder / "selftest.csv", Hidden),
        row_order=read_json(folder / "row_order.json"),
    )


def read_rows(path: Path, kind: type[Record]) -> list[Record]:
    """The rows of a CSV file as records, in the types of their fields; an empty cell of an optional number is None."""
    from pydantic import TypeAdapter

    optional = {column for column, hint in get_type_hints(kind).items() if type(None) in get_args(hint)}
    rows = [
        {column: text or (None if column in optional else "") for column, text in row.items()} for row in read_csv(path)
    ]
    return TypeAdapter(list[kind]).validate_python(rows)  # type: ignore[valid-type]
