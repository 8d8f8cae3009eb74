"""The report: one HTML page with all results, which opens from disk without a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.comparison.charts import colors
from src.comparison.runs import read_runs
from src.pipeline import tracking
from src.pipeline.files import write_text
from src.pipeline.schema import Count
from src.reporting.charts import read_charts
from src.reporting.formats import count, percent, percent_range, seconds
from src.reporting.page import Content, render
from src.reporting.pictures import find_pictures
from src.reporting.provenance import find_origin, shown_params
from src.reporting.records import ModelRow
from src.reporting.results import read_results
from src.reporting.verdict import Verdict, find_verdict

PAGE = "metrics/report.html"


def report(content: Content, *, max_points: Count, side: Count) -> str:
    """The page, HTML.

    At most `max_points` images are on the maps, at equal steps from the first to the last; larger ones than `side`
    pixels are shrunk.
    """
    return render(content, max_points, side)


def show_models(models: Mapping[str, ModelRow], verdict: Verdict) -> None:
    """Print the models' table, the best and those tied with it in bold."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for heading in ("Model", "Validation", "Test (interval)", "Training", "Parameters"):
        table.add_column(heading, justify="left" if heading == "Model" else "right", no_wrap=True)
    for name, row in models.items():
        test = f"{percent(row.test_accuracy)} ({percent_range(row.test_ci_low, row.test_ci_high)})"
        cells = (percent(row.val_mean), test, seconds(row.train_seconds), count(row.n_params))
        table.add_row(name, *cells, style="bold" if name in (verdict.best, *verdict.tied) else None)
    console = Console()
    console.print(table)
    if verdict.warning:
        console.print(verdict.warning, highlight=False)


def read_content(params: Mapping[str, Any]) -> Content:
    """What the page shows, from metrics/, data/ and params.yaml."""
    metrics, text = Path("metrics"), Path("params.yaml").read_text(encoding="utf-8")
    results, runs = read_results(metrics), read_runs(params["models"])
    return Content(
        results=results,
        verdict=find_verdict(results, params),
        runs=runs,
        pictures=find_pictures(params, results, runs),
        charts=read_charts(metrics),
        colors=colors(list(runs)),
        origin=find_origin(results, runs),
        params=params,
        params_text=shown_params(text, params),
    )


def main(params: dict[str, Any]) -> None:
    """metrics/ and the images of data/ -> metrics/report.html; an MLflow run has it, with the verdict as tags."""
    content = read_content(params)
    write_text(PAGE, report(content, **params["report"]))
    models = content.results.models
    best = models[content.verdict.best]
    with tracking.new_run("report", content.verdict.tags, {}) as run:
        run.log_metrics({"best_test_accuracy": best.test_accuracy, "best_val_accuracy": best.val_mean})
        run.log_artifact(PAGE)
    show_models(models, content.verdict)
    print(f"report: open {Path(PAGE).absolute()}")
