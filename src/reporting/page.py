"""The page: its template filled with results, pictures and charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from src.comparison.runs import Run
from src.reporting.formats import FILTERS
from src.reporting.maps import data_uri, make_atlas, make_sheet, pick
from src.reporting.pictures import Pictures
from src.reporting.records import ConfusionCell, CurvePoint
from src.reporting.results import Results
from src.reporting.tables import find_details
from src.reporting.verdict import Verdict

HERE = Path(__file__).parent
SCRIPTS = ("tables", "curves", "atlas", "maps", "gallery")


@dataclass(frozen=True)
class Content:
    """What the page shows. charts: SVG elements; colors: {model: #rrggbb}; origin: {what: text}; params: of the run."""

    results: Results
    verdict: Verdict
    runs: Mapping[str, list[Run]]
    pictures: Pictures
    charts: Mapping[str, str]
    colors: Mapping[str, str]
    origin: Mapping[str, str]
    params: Mapping[str, Any]
    params_text: str


def render(content: Content, max_points: int, side: int) -> str:
    """The page, HTML: at most `max_points` images on the maps, none larger than `side` pixels."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS | {"term_id": term_id, "data_uri": data_uri}
    environment.policies["json.dumps_kwargs"] = {}  # keys in their order
    embedded = content.pictures.embedded
    rows = pick(len(embedded.x), max_points)
    results = content.results
    return environment.get_template("page.html").render(
        vars(content)
        | {
            "charts": {name: Markup(chart) for name, chart in content.charts.items()},
            "style": Markup((HERE / "page.css").read_text(encoding="utf-8")),
            "scripts": [Markup((HERE / f"scripts/{name}.js").read_text(encoding="utf-8")) for name in SCRIPTS],
            "glossary": yaml.safe_load((HERE / "glossary.yaml").read_text(encoding="utf-8")),
            "details": find_details(results.models, content.runs, published=not content.verdict.quick_look),
            "matrices": nest_confusion(results.confusion),
            "curve_values": curve_values(results.curves),
            "last_epochs": last_epochs(results.curves),
            "n_epochs": max(point.epoch for point in results.curves),
            "embedded": embedded,
            "atlas": make_atlas(embedded, rows),
            "sheet": data_uri(make_sheet(embedded.x[rows], side)),
        }
    )


def term_id(term: str) -> str:
    """The id of a term's entry in the glossary."""
    return "term-" + "".join(letter if letter.isalnum() else "-" for letter in term.lower())


def nest_confusion(cells: list[ConfusionCell]) -> dict[str, dict[str, dict[str, int]]]:
    """Rows of confusion.csv as {model: {true label: {predicted label: images}}}."""
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for cell in cells:
        nested.setdefault(cell.model, {}).setdefault(cell.true, {})[cell.predicted] = cell.count
    return nested


def curve_values(points: list[CurvePoint]) -> dict[str, list[float]]:
    """The values of each learning curve by epoch, by the id of its line in the chart."""
    values: dict[str, list[float]] = {}
    for point in points:
        for measure in ("accuracy", "loss"):
            key = f"curve-{point.model}-{point.seed}-{point.split}-{measure}"
            values.setdefault(key, []).append(round(getattr(point, measure), 4))
    return values


def last_epochs(points: list[CurvePoint]) -> dict[tuple[str, int], dict[str, CurvePoint]]:
    """{(model, seed): {"training" or "validation": the values after the last epoch}}."""
    rows: dict[tuple[str, int], dict[str, CurvePoint]] = {}
    for point in points:
        rows.setdefault((point.model, point.seed), {})[point.split] = point
    return rows
