"""The report: one HTML page with all that was found, which opens from disk without a network.

Its numbers are those of the files in metrics/; from data/ come the pictures and the dots of the maps.
"""

import json
import platform
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from src.pipeline import tracking
from src.pipeline.files import atomic_write
from src.pipeline.schema import Count
from src.reporting.maps import atlas, picture, pictured, sheet

pass
from src.comparison.table import COSTS, Column, best, columns, more_columns, notes

PAGE = "metrics/report.html"
FOUND = ("fetch", "prepare", "comparison", "claims", "audit", "embed", "cluster", "stability", "decoding")
LISTS = ("replicas", "pairs", "learning_curves", "per_class", "confusion", "calibration", "mistakes", "suspects")


def report(
    found: Mapping[str, Any],
    shown: Mapping[str, Any],
    made: Mapping[str, Any],
    rule: Mapping[str, Any],
    *,
    max_points: Count,
    side: Count,
) -> str:
    """The page, HTML.

    found: what is in metrics/X.json and, as a list of rows, in metrics/X.csv, by X; rule: the block `compare` of
    params.yaml. shown: what `pictured` returns. made: how it was made, {what: text}. At most `dots` images are on a
    map, at equal steps from the first to the last; larger ones than `side` pixels are shrunk.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    table, x = found["comparison"], shown["x"]
    rows = np.linspace(0, len(x) - 1, min(dots, len(x))).round().astype(int)
    options: Any = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(loader=FileSystemLoader(SRC), **options)
    environment.policies["json.dumps_kwargs"] = {}  # keys in their order
    return environment.get_template("report.html").render(
        found,
        verdict=verdict(table, found["decoding"]),
        rule=rule,
        columns=folded(columns(rule["confidence"]), table),
        more_columns=folded(more_columns(table), table),
        notes=notes(rule["confidence"]),
        colors=plots.colors(list(table)),
        matrices=matrices(found["confusion"]),
        charts=charts(found),
        truths=[truth for truth in ("labels", "garments") if truth in found["cluster"]["kmeans"]],
        shown=shown,
        dots=len(rows),
        sheet=picture(sheet(x[rows], side)),
        atlas=atlas(shown["maps"], shown["groups"], shown["names"], rows),
        picture=picture,
        made=made,
    )


def folded(of: Sequence[Column], table: Mapping[str, Mapping[str, Any]]) -> tuple[list[Column], list[tuple[str, str]]]:
    """The columns in which models differ, and heading and cell of those that are the same for all; none empty."""
    cells = [(column, {column.cell(row) for row in table.values()}) for column in of]
    differ = [column for column, texts in cells if len(texts) > 1 or (len(table) == 1 and texts != {""})]
    return differ, [(column.heading, min(texts)) for column, texts in cells if column not in differ and texts != {""}]


def verdict(table: Mapping[str, Mapping[str, Any]], decoding: Mapping[str, Any]) -> dict[str, Any]:
    """The best model, those that cannot be told from it, and what each label stands for, {label: garments}."""
    first = best(table)
    labels = {label: ", ".join(of["garments"]) for label, of in decoding["decoding"].items()}
    return {"best": first, "tied": table[first]["not_told_apart"].split(), "labels": labels}


def charts(found: Mapping[str, Any]) -> dict[str, str]:
    """The charts of all models and of the clusters' stability as SVG, by name."""
    lines: dict[tuple[str, int, str], dict[str, list[float]]] = {}
    for row in found["learning_curves"]:
        line = lines.setdefault((row["model"], row["seed"], row["split"]), {"epoch": [], "accuracy": [], "loss": []})
        for key, values in line.items():
            values.append(row[key])
    table = found["comparison"]
    diagrams = {model: [row for row in found["calibration"] if row["model"] == model] for model in table}
    return {
        "curves": _svg(plots.curves, lines),
        "pareto": _svg(plots.pareto, table, COSTS),
        "reliability": _svg(plots.reliability, diagrams, {model: row["ece"] for model, row in table.items()}),
        "stability": _svg(plots.stability, found["stability"]),
    }


def matrices(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    """The rows of metrics/confusion.csv as {model: {label: {predicted: images}}}."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        found.setdefault(row["model"], {}).setdefault(row["label"], {})[row["predicted"]] = row["images"]
    return found


def _svg(draw: Callable[..., None], *content: Any) -> str:
    """What a function of src/plots.py draws, as an SVG element."""
    from markupsafe import Markup

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chart.svg")
        draw(str(path), *content)
        text = path.read_text()
    return Markup(text[text.index("<svg") :])


def origin(found: Mapping[str, Any]) -> dict[str, str]:
    """How it was made: commit, data, hardware and versions, {what: text}."""
    commit, changed = tracking.source()
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    packages = [re.split(r"[^\w-]", needed)[0] for needed in project["dependencies"]]
    rows, trainings = found["comparison"].values(), found["replicas"]
    minutes = sum(row["train_seconds"] for row in trainings) / 60
    return {
        "Data": f"{found['prepare']['shows']}, from {found['fetch']['source']}",
        "Trained on": "; ".join(sorted({row["device"] for row in rows})),
        "Trained with": "; ".join(sorted({row["software"] for row in rows})),
        "Training": f"{len(trainings)} runs, {minutes:.0f} minutes in all",
        "Page made at commit": commit + (", with changes that were not committed" if changed else ""),
        "Page made with": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in packages),
    }


def main(params: dict[str, Any]) -> None:
    """metrics/, and the images from data/ -> metrics/report.html; an MLflow run has it and the verdict as tags."""
    found = read(Path("metrics"))
    shown, made = pictured(params, found), origin(found) | {"params.yaml": Path("params.yaml").read_text()}
    said = verdict(found["comparison"], found["decoding"])
    tags = {"best": said["best"], "tied": " ".join(said["tied"])}
    tags |= {f"label_{label}": garments for label, garments in said["labels"].items()}
    with tracking.new_run("report", tags, {}) as tracked:
        with atomic_write(PAGE) as file:
            file.write_text(report(found, shown, made, params["compare"], **params["report"]))
        tracked.artifact(PAGE)


def read(folder: Path) -> dict[str, Any]:
    """What is in the files of metrics/ that the page shows, by their names."""
    found = {name: json.loads((folder / f"{name}.json").read_text()) for name in FOUND}
    return found | {name: _rows(folder / f"{name}.csv") for name in LISTS}


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file, numbers as numbers but for names of labels, None for an empty cell."""
    import pandas as pd

    texts = dict.fromkeys(("label", "predicted", "suggested"), str)
    frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""]).astype(object)
    content: list[Any] = frame.where(frame.notna(), None).to_dict("records")
    return content
