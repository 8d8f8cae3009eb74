"""The SVG charts of metrics/, made part of a page."""

import re
from pathlib import Path

CHARTS = (
    "compare/pareto",
    "compare/learning_curves",
    "compare/reliability",
    "compare/replication",
    "stability/stability",
    "infer/shared",
)


def read_charts(metrics: Path) -> dict[str, str]:
    """The charts as SVG elements, by the last part of their paths."""
    return {
        path.split("/")[1]: embed_svg((metrics / f"{path}.svg").read_text(encoding="utf-8"), path.split("/")[1])
        for path in CHARTS
    }


def embed_svg(text: str, name: str) -> str:
    """An SVG file as an element: an image whose name is the file's title, and whose ids begin with `name`.

    Other charts on the page have the same ids. Those of learning curves stay, as scripts look for them.
    """
    element = text[text.index("<svg") :]
    title = re.search(r"<title>(.*?)</title>", element)
    element = re.sub(r"\s*<title>.*?</title>|\s*<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'(\bid="|href="#|url\(#)(?!curve-)', rf"\g<1>{name}-", element)
    label = title[1] if title else name.replace("_", " ")
    return element.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
