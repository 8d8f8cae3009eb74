"""Rows of the CSV files that the page reads."""

from dataclasses import fields

import pytest

from src.reporting.records import ModelRow


@pytest.mark.parametrize(("cell", "tied"), [("", []), ("b", ["b"]), ("b c", ["b", "c"])])
def test_the_tied_models_stand_in_one_cell(cell: str, tied: list[str]) -> None:
    given = {str: "", int: 1, float: 0.5}
    values = {field.name: given[field.type] for field in fields(ModelRow) if field.type in given}
    assert ModelRow(**values | {"tied_with": cell}).tied == tied  # type: ignore[arg-type]
