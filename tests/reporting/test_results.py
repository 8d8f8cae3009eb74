from pathlib import Path

import pytest
from pydantic import ValidationError

from src.comparison.long_tables import Mistake
from src.comparison.model_rows import ModelRow, csv_row
from src.pipeline.files import write_csv
from src.reporting.results import read_rows
from tests.comparison.example import example_run
from tests.comparison.test_model_rows import rows

HEADER = "label,model,test_index,image,predicted,confidence,more"


def test_rows_have_the_types_of_their_fields(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\n0,null,3,test 3,1,0.5,x\n", encoding="utf-8")
    mistake = {"model": "null", "test_index": 3, "image": "test 3", "label": "0", "predicted": "1", "confidence": 0.5}
    assert read_rows(tmp_path / "a.csv", Mistake) == [mistake]


def test_a_cell_that_may_not_be_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\n0,a,3,test 3,1,,x\n", encoding="utf-8")
    with pytest.raises(ValidationError, match="confidence"):
        read_rows(tmp_path / "a.csv", Mistake)


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("model,test_index\n", encoding="utf-8")
    assert read_rows(tmp_path / "a.csv", Mistake) == []


def test_a_row_is_read_as_it_was_written_with_what_is_missing(tmp_path: Path) -> None:
    run = example_run()
    (row,) = rows({"a": [run]})
    assert row["test_std"] is None
    write_csv(tmp_path / "a.csv", [csv_row(row, run)])
    assert read_rows(tmp_path / "a.csv", ModelRow) == [row]
