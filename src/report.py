"""The report: one HTML page with all results, which opens from disk without a network."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from src.comparison.charts import colors
from src.comparison.runs import read_runs
from src.comparison.table import plain_text
from src.images import splits
from src.pipeline import tracking
from src.pipeline.files import write_text
from src.pipeline.schema import Count
from src.reporting.before import read_before
from src.reporting.changes import build_changes
from src.reporting.charts import read_charts
from src.reporting.page import Content, render
from src.reporting.pictures import build_pictures
from src.reporting.provenance import build_origin, shown_params
from src.reporting.results import read_results
from src.reporting.verdict import build_verdict

PAGE = "metrics/report.html"
CHANGES_PAGE = "metrics/changes.html"  # the same page with a section; no output of the stage


def report(content: Content, *, max_points: Count, side: Count) -> str:
    """The page, HTML.

    At most `max_points` images are on the maps, at equal steps from the first to the last; larger ones than `side`
    pixels are shrunk.
    """
    return render(content, max_points, side)


def read_content(params: Mapping[str, Any]) -> Content:
    """What the page shows, from metrics/, data/ and params.yaml."""
    metrics, text = Path("metrics"), Path("params.yaml").read_text(encoding="utf-8")
    results, runs = read_results(metrics), read_runs(params["models"])
    return Content(
        results=results,
        verdict=build_verdict(results, params),
        runs=runs,
        pictures=build_pictures(params, results, runs),
        charts=read_charts(metrics),
        colors=colors(list(runs)),
        origin=build_origin(results, runs),
        params=params,
        params_text=shown_params(text, params),
    )


def main(params: dict[str, Any], against: str | None = None) -> None:
    """metrics/ and the images of data/ -> metrics/report.html; an MLflow run has it, with the verdict as tags.

    against: a revision; what changed since then is a section of metrics/changes.html, and nothing else is written.
    """
    content = read_content(params)
    if against:
        before = read_before(against, splits.labels("test"))
        changes = build_changes(before, content.results, content.runs, params)
        write_text(CHANGES_PAGE, report(replace(content, changes=changes), **params["report"]))
        print(f"report: open {Path(CHANGES_PAGE).absolute()}")
        return
    write_text(PAGE, report(content, **params["report"]))
    models, verdict = content.results.models, content.verdict
    best = models[verdict.best]
    with tracking.new_run("report", verdict.tags, {}) as run:
        run.log_metrics({"best_test_accuracy": best["test_mean"], "best_val_accuracy": best["val_mean"]})
        run.log_artifact(PAGE)
    print(plain_text(list(models.values()), content.results.pairs, params["compare"]["confidence"]))
    if verdict.warning:
        print(verdict.warning)
    print(f"report: open {Path(PAGE).absolute()}")
