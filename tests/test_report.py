"""The page is looked at in a real Chromium; without one these tests are skipped."""

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from src import plots
from src.report import _rows, folded, matrices, read, report, verdict
from src.table import Column

ROOT = Path(__file__).parents[1]
N = 60
RULE = {"confidence": 0.95, "min_seeds": 5}
GREY = (9, 9, 9)  # 153, of 16
TEXT = "<b>&\"'</b>"  # what would be markup if it were not escaped


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """The committed results."""
    return read(ROOT / "metrics")


def shown(found: dict[str, Any], n: int = N) -> dict[str, Any]:
    """Random images, on a map in the corners of a square and around its middle."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    places = rng.uniform(0.3, 0.7, (n, 2)).astype(np.float32)
    places[:4] = [[0, 0], [1, 0], [0, 1], [1, 1]]
    labels = dict(enumerate(found["prepare"]["labels"]))
    y = np.arange(n) % len(labels)
    return {
        "labels": {label: x[y == number][:5] for number, label in labels.items()},
        "mistakes": {
            model: [(x[0], row, TEXT) for row in found["mistakes"] if row["model"] == model]
            for model in found["comparison"]
        },
        "suspects": [(x[1], row, TEXT) for row in found["suspects"][:5]],
        "x": x,
        "names": [f"test {row}" for row in range(n)],
        "maps": {"t-SNE": places, "PCA": places[:, ::-1]},
        "groups": {"label": (labels, y), "cluster": ({-1: "noise", 0: TEXT}, np.arange(n) % 2 - 1)},
    }


def written(found: dict[str, Any], dots: int = N, n: int = N) -> str:
    return report(found, shown(found, n), {"Commit": TEXT, "params.yaml": "seed: 27"}, RULE, dots=dots, side=28)


@pytest.fixture(scope="module")
def file(found: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(written(found))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs Chromium: on Debian, apt-get install chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as it,
    ):
        yield it


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    """The page, opened from disk; it must neither complain nor ask for anything else."""
    page, complaints = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.set_default_timeout(5000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("data:") else None)
    page.goto(file.as_uri())
    yield page
    assert complaints == [file.as_uri()]
    page.close()


def on_map(page: Page, name: str, across: float, down: float) -> tuple[float, float]:
    """The place on the screen that is so far across and down a map, 0 to 1."""
    canvas = page.locator(f"canvas[data-map='{name}']")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    return box["x"] + 6 + across * (box["width"] - 12), box["y"] + 6 + down * (box["height"] - 12)


def colors_on(page: Page, name: str) -> set[tuple[int, ...]]:
    """The colours of the dots drawn on a map where they do not overlap, in 16 steps of red, green and blue."""
    pixels = drawn(page.locator(f"canvas[data-map='{name}']"), "RGBA")
    return {tuple(color) for color in (pixels[pixels[:, :, 3] == 204][:, :3] // 16).tolist()}


def drawn(canvas: Locator, mode: str) -> np.ndarray:
    """What is drawn on a canvas."""
    address = canvas.evaluate("canvas => canvas.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address))).convert(mode))


def column(table: Locator, number: int) -> list[str]:
    return table.evaluate(
        "(table, number) => [...table.tBodies[0].rows].map(row => row.cells[number].textContent.trim())", number
    )


def test_a_heading_sorts_the_table_and_a_second_click_the_other_way(page: Page, found: dict[str, Any]) -> None:
    table = page.locator("#models table").first
    heading = table.get_by_role("button", name="Parameters")
    headings = table.locator("thead th").all_inner_texts()
    number = next(i for i, text in enumerate(headings) if text.startswith("Parameters"))
    values = sorted((row["parameters"] for row in found["comparison"].values()), reverse=True)
    heading.click()
    assert column(table, number) == [f"{value:,}" for value in values]
    assert table.locator("th[aria-sort=descending]").count() == 1
    heading.press("Enter")
    assert column(table, number) == [f"{value:,}" for value in reversed(values)]
    table.get_by_role("button", name="Model", exact=True).click()
    assert column(table, 0) == sorted(found["comparison"])


@pytest.mark.parametrize("heading", ["Published", "Over seeds"])
def test_empty_cells_stay_last_when_a_table_is_sorted(page: Page, heading: str) -> None:
    table = page.locator("#models table").first
    number = table.locator("thead th").all_inner_texts().index(heading)
    for _ in range(2):
        table.get_by_role("button", name=heading).click()
        cells = column(table, number)
        assert "" in cells
        assert sorted(cells, key=lambda cell: cell == "") == cells


def test_folding_leaves_out_what_is_empty_and_shows_a_single_model_whole() -> None:
    of = [Column(key, key, lambda row, key=key: row[key]) for key in ("same", "differs", "empty")]  # type: ignore[misc]
    table = {name: {"same": "1", "differs": name, "empty": ""} for name in "ab"}
    assert folded(of, table) == ([of[1]], [("same", "1")])
    assert folded(of, {"a": table["a"]}) == (of[:2], [])


def test_columns_that_are_the_same_for_all_are_folded_away(page: Page, found: dict[str, Any]) -> None:
    assert {row["loss"] for row in found["comparison"].values()} == {"categorical_crossentropy"}
    assert "Loss" not in page.locator("#models table").first.locator("thead").inner_text()
    assert "loss categorical crossentropy" in page.locator("#models").inner_text()


def test_dots_take_the_colours_of_the_chosen_groups_and_the_legend_hides_a_group(page: Page) -> None:
    by_label = colors_on(page, "t-SNE")
    assert len(by_label) >= 5
    page.get_by_label("Colour by").select_option("cluster")
    by_cluster = colors_on(page, "t-SNE")
    assert GREY in by_cluster  # noise is grey
    assert by_cluster != by_label
    legend = page.locator("#legend button")
    assert legend.all_inner_texts() == ["noise (30)", f"{TEXT} (30)"]
    legend.first.click()
    assert legend.first.get_attribute("aria-pressed") == "false"
    assert GREY not in colors_on(page, "t-SNE")
    legend.first.click()
    assert GREY in colors_on(page, "t-SNE")


@pytest.mark.parametrize(("name", "dot"), [("t-SNE", 1), ("PCA", 2)])
def test_pointing_at_a_dot_shows_its_image_and_its_groups(
    page: Page, found: dict[str, Any], name: str, dot: int
) -> None:
    page.mouse.move(*on_map(page, name, 1, 1))  # bottom right: (1, 0) on the map
    tip = page.locator("#tip")
    assert tip.is_visible()
    np.testing.assert_array_equal(drawn(tip.locator("canvas"), "L"), shown(found)["x"][dot])
    assert tip.inner_text().splitlines() == [
        f"test {dot}",
        f"label: {dot}",
        f"cluster: {TEXT if dot % 2 else 'noise'}",
    ]
    page.mouse.move(*on_map(page, name, 0.15, 0.5))  # where no dot is
    assert not tip.is_visible()


@pytest.mark.parametrize(("key", "ends"), [("ArrowRight", {1, 3}), ("ArrowLeft", {0, 2}), ("ArrowDown", {0, 1})])
def test_arrow_keys_go_from_dot_to_dot_up_to_the_edge(page: Page, key: str, ends: set[int]) -> None:
    page.locator("canvas[data-map='t-SNE']").focus()
    seen = []
    for _ in range(N):
        page.keyboard.press(key)
        seen.append(int(page.locator("#tip-text").inner_text().splitlines()[0].removeprefix("test ")))
    assert len(set(seen)) > 3
    assert seen[-1] in ends
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


def test_a_models_curves_can_be_hidden(page: Page) -> None:
    lines = page.locator("g[id^='curve-cnn1-']")
    assert lines.count() == 4
    switch = page.get_by_label("cnn1", exact=True)
    switch.uncheck()
    assert [lines.nth(i).is_visible() for i in range(4)] == [False] * 4
    assert page.locator("g[id^='curve-cm1-']").first.is_visible()
    switch.check()
    page.get_by_label("training (dotted)").uncheck()
    assert [lines.nth(i).is_visible() for i in range(4)].count(True) == 2


def test_the_mistakes_are_those_of_the_chosen_model(page: Page, found: dict[str, Any]) -> None:
    best = verdict(found["comparison"], found["decoding"])["best"]
    assert page.locator("[data-mistakes]:visible").get_attribute("data-mistakes") == best
    page.get_by_label("Model", exact=True).select_option("cm4")
    group = page.locator("[data-mistakes]:visible")
    assert group.get_attribute("data-mistakes") == "cm4"
    rows = [row for row in found["mistakes"] if row["model"] == "cm4"]
    assert group.locator("figure").count() == len(rows)
    assert f"label {rows[0]['label']}, taken for {rows[0]['predicted']}" in group.locator("figure").first.inner_text()


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_many_labels_fit_too(browser: Browser, found: dict[str, Any], tmp_path: Path) -> None:
    labels = [f"label {number}" for number in range(12)]
    rows = [{"label": label, "predicted": other, "images": 1000} for label in labels for other in labels]
    confusion = [{"model": model} | row for model in found["comparison"] for row in rows]
    (tmp_path / "report.html").write_text(written(found | {"confusion": confusion}))
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.close()


def test_the_tip_leaves_its_dot_free_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    x, y = on_map(page, "t-SNE", 1, 1)
    page.mouse.move(x, y)
    box = page.locator("#tip").bounding_box()
    assert box
    assert not (box["x"] <= x <= box["x"] + box["width"] and box["y"] <= y <= box["y"] + box["height"])
    assert 0 <= box["x"] <= 390 - box["width"]


def test_it_is_dark_where_the_reader_wants_that(page: Page) -> None:
    def brightness(what: str) -> int:
        color = page.evaluate(f"getComputedStyle(document.body).{what}")
        return sum(map(int, re.findall(r"\d+", color)[:3]))

    assert brightness("backgroundColor") > 600 > 300 > brightness("color")
    page.emulate_media(color_scheme="dark")
    assert brightness("backgroundColor") < 150 < 600 < brightness("color")


def test_names_from_data_are_text_not_markup(page: Page) -> None:
    assert TEXT in page.locator("#made").inner_text()
    assert page.locator("b").count() == 0


def test_every_picture_has_a_text_and_every_control_a_name(page: Page) -> None:
    assert page.locator("img:not([alt])").count() == 0
    assert (
        page.locator("svg:not([aria-hidden])").evaluate_all(
            "all => all.filter(one => !one.closest('[aria-label]')).length"
        )
        == 0
    )
    assert page.locator("input, select").evaluate_all("all => all.filter(one => !one.labels.length).length") == 0


def test_the_verdict_is_the_best_by_validation_those_tied_with_it_and_the_labels() -> None:
    table = {
        "a": {"val_accuracy": 0.9, "test_accuracy": 0.99, "not_told_apart": ""},
        "b": {"val_accuracy": 0.91, "test_accuracy": 0.9, "not_told_apart": "c d"},
    }
    decoding = {"decoding": {"0": {"garments": ["Coat", "Bag"]}, "1": {"garments": []}}}
    assert verdict(table, decoding) == {"best": "b", "tied": ["c", "d"], "labels": {"0": "Coat, Bag", "1": ""}}


def test_a_page_of_ten_thousand_images_that_no_png_makes_smaller_is_under_15_megabytes(found: dict[str, Any]) -> None:
    assert 10e6 < len(written(found, dots=10_000, n=10_000).encode()) < 15e6


def test_at_most_so_many_dots_are_drawn_at_equal_steps(found: dict[str, Any]) -> None:
    text = re.search(r'id="atlas">(.*?)</script>', written(found, dots=5, n=41))
    assert text
    assert json.loads(text[1])["images"] == [f"test {row}" for row in (0, 10, 20, 30, 40)]


def test_a_confusion_matrix_has_a_row_for_each_label(found: dict[str, Any]) -> None:
    matrix = matrices(found["confusion"])["cnn1"]
    assert list(matrix) == found["prepare"]["labels"]
    assert sum(sum(line.values()) for line in matrix.values()) == sum(found["prepare"]["images"]["test"].values())


def test_rows_of_a_file_have_numbers_texts_and_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("model,label,p,n\nnull,0,0.5,3\nb,10,,4\n")
    assert _rows(tmp_path / "a.csv") == [
        {"model": "null", "label": "0", "p": 0.5, "n": 3},
        {"model": "b", "label": "10", "p": None, "n": 4},
    ]


def test_the_same_results_give_the_same_page(found: dict[str, Any]) -> None:
    assert written(found) == written(found)


def test_colours_of_models_are_those_of_the_charts() -> None:
    assert plots.colors(["a", "b"]) == {"a": "#1f77b4", "b": "#ff7f0e"}
