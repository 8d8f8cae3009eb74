from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from pydantic import ValidationError

from src.audit import COLUMNS
from src.comparison import long_tables, model_rows, pairs
from src.reporting.records import LabelIssue, LabelScores, Mistake, ModelRow, PairRow
from src.reporting.results import read_rows


def test_rows_have_the_types_of_their_fields_and_empty_cells_the_default(tmp_path: Path) -> None:
    header = "label,model,precision,recall,f1,support,more"
    (tmp_path / "a.csv").write_text(f"{header}\n0,null,0.5,1,0.25,3,x\n", encoding="utf-8")
    assert read_rows(tmp_path / "a.csv", LabelScores) == [LabelScores("null", "0", 0.5, 1.0, 0.25, 3)]


def test_a_cell_that_may_not_be_empty_is_refused(tmp_path: Path) -> None:
    header = "label,model,precision,recall,f1,support"
    (tmp_path / "a.csv").write_text(f"{header}\n0,a,,1,0.25,3\n", encoding="utf-8")
    with pytest.raises(ValidationError, match="precision"):
        read_rows(tmp_path / "a.csv", LabelScores)


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("model,test_index\n", encoding="utf-8")
    assert read_rows(tmp_path / "a.csv", Mistake) == []


@pytest.mark.parametrize(
    ("record", "written"),
    [
        (ModelRow, model_rows.ModelRow.__annotations__),
        (PairRow, pairs.Pair.__annotations__),
        (Mistake, [*long_tables.Mistake.__annotations__, "image"]),
        (LabelIssue, COLUMNS),
    ],
)
def test_the_page_reads_columns_that_are_written(record: type, written: list[str]) -> None:
    assert {field.name for field in fields(record)} <= set(written)
    assert fields(record)[0].default is MISSING
