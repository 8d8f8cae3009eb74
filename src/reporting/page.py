"""The page: its template filled with results, pictures and charts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import yaml

from src.comparison.abstention import Abstention
from src.comparison.charts import STYLES, curve_id
from src.comparison.long_tables import confusion_matrices, per_class
from src.comparison.pairs import Pair
from src.comparison.replication import summarise
from src.comparison.runs import Run
from src.reporting.changes import Changes
from src.reporting.formats import FILTERS, p_value
from src.reporting.maps import data_uri, make_atlas, make_sheet, pick
from src.reporting.pictures import Pictures
from src.reporting.results import Results
from src.reporting.tables import build_details
from src.reporting.verdict import Verdict

HERE = Path(__file__).parent
SCRIPTS = ("tables", "atlas", "curves", "maps", "gallery", "neighbors", "selection", "abstention")


@dataclass(frozen=True)
class Content:
    """What the page shows. charts: SVG elements; colors: {model: #rrggbb}; origin: {what: text}; params: of the run.

    changes: since a revision that the page is to be held against.
    """

    results: Results
    verdict: Verdict
    runs: Mapping[str, list[Run]]
    pictures: Pictures
    charts: Mapping[str, str]
    colors: Mapping[str, str]
    origin: Mapping[str, str]
    params: Mapping[str, Any]
    params_text: str
    changes: Changes | None = None


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
    results, runs, labels = content.results, content.runs, content.results.prepared["labels"]
    trainings = [run for seeds in runs.values() for run in seeds]
    return environment.get_template("page.html").render(
        vars(content)
        | {
            "changed_curves": Markup(content.changes.curves) if content.changes else "",
            "charts": {name: Markup(chart) for name, chart in content.charts.items()},
            "style": Markup((HERE / "page.css").read_text(encoding="utf-8")),
            "scripts": [Markup((HERE / f"scripts/{name}.js").read_text(encoding="utf-8")) for name in SCRIPTS],
            "glossary": yaml.safe_load((HERE / "glossary.yaml").read_text(encoding="utf-8")),
            "details": build_details(results.models, runs, published=not content.verdict.quick_look),
            "matrices": {model: counts.tolist() for model, counts in confusion_matrices(runs, len(labels)).items()},
            "scores": per_class(runs, labels),
            "trainings": trainings,
            "replicated": summarise(results.replicated),
            "curve_values": curve_values(trainings),
            "z": NormalDist().inv_cdf((1 + content.params["compare"]["confidence"]) / 2),
            "pair_data": pair_data(results.pairs),
            "abstention": abstention_data(results.abstention),
            "n_epochs": max(run.epochs for run in trainings),
            "embedded": embedded,
            "atlas": make_atlas(embedded, rows),
            "sheet": data_uri(make_sheet(embedded.x[rows], side)),
        }
    )


def term_id(term: str) -> str:
    """The id of a term's entry in the glossary."""
    return "term-" + "".join(letter if letter.isalnum() else "-" for letter in term.lower())


def pair_data(pairs: Iterable[Pair]) -> dict[str, str]:
    """What distinguishes two models on the test images, in a sentence, by `a b` and by `b a`."""
    texts: dict[str, str] = {}
    for pair in pairs:
        a, b = pair["model_a"], pair["model_b"]
        text = (
            f"Of all test images only {a} is right on {pair['n_only_a_correct']:,}, only {b} on "
            f"{pair['n_only_b_correct']:,}: p = {p_value(pair['mcnemar_p_holm'])} (McNemar, Holm)."
        )
        texts |= {f"{a} {b}": text, f"{b} {a}": text}
    return texts


def abstention_data(rows: Iterable[Abstention]) -> dict[str, dict[str, list[list[float | None]]]]:
    """Coverage, accuracy and its interval at each threshold in turn, by model and split."""
    data: dict[str, dict[str, list[list[float | None]]]] = {}
    for row in rows:
        values = [row["coverage"], row["accuracy"], row["ci_low"], row["ci_high"]]
        data.setdefault(row["model"], {}).setdefault(row["split"], []).append(
            [None if value is None else round(value, 4) for value in values]
        )
    return data


def curve_values(runs: Iterable[Run]) -> dict[str, list[float]]:
    """The values of each learning curve by epoch, by the id of its line in the chart."""
    return {
        curve_id(run, split, measure): [round(value, 4) for value in run.history[f"{prefix}{measure}"]]
        for run in runs
        for split, (prefix, _) in STYLES.items()
        for measure in ("accuracy", "loss")
    }
