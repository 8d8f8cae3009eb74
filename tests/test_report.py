"""The page is looked at in a real Chromium."""

import base64
import dataclasses
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from src import report as stage
from src.comparison.pairs import Pair
from src.comparison.statistics import wilson_interval
from src.pipeline import tracking
from src.reporting import page as page_module
from src.reporting.before import Before
from src.reporting.page import Content
from tests.reporting.example import GARMENTS, LABELS, SIDE, SIZES, TEXT, example_params, write_example

N = SIZES["test"]
GREY = (9, 9, 9)  # 153, of 16
PARAMS = example_params()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example's folder, which is the current one; its page is made."""
    before, path = Path.cwd(), tmp_path_factory.mktemp("report")
    os.chdir(path)
    write_example(PARAMS)
    Path(stage.PAGE).write_text(html(stage.read_content(PARAMS)), encoding="utf-8")
    yield path
    os.chdir(before)


@pytest.fixture(scope="module")
def content(folder: Path) -> Content:
    return stage.read_content(PARAMS)


def html(content: Content, **changes: Any) -> str:
    return stage.report(content, **PARAMS["report"] | changes)


@pytest.fixture
def page(tab: tuple[Page, list[str]], folder: Path) -> Iterator[Page]:
    """The page, opened from disk anew; it must neither complain nor ask for anything else."""
    page, complaints = tab
    address = (folder / stage.PAGE).as_uri()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="screen", color_scheme="light")
    page.goto("about:blank")
    complaints.clear()
    page.goto(address)
    yield page
    assert {complaint for complaint in complaints if not complaint.startswith("data:")} == {address}


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


def column(table: Locator, heading: str) -> list[str]:
    """The cells under a heading, from top to bottom."""
    headings = [text.split("\xa0")[0].strip() for text in table.locator("thead th").all_inner_texts()]
    cells: list[str] = table.evaluate(
        "(table, number) => [...table.tBodies[0].rows].map(row => row.cells[number].textContent.trim())",
        headings.index(heading),
    )
    return cells


def tip(page: Page) -> list[str]:
    return page.locator("#tip").inner_text().splitlines()


def test_a_heading_sorts_the_table_and_a_second_click_the_other_way(page: Page) -> None:
    table = page.locator("#models table").first
    heading = table.get_by_role("button", name="Parameters")
    heading.click()
    assert column(table, "Parameters") == ["3,000", "2,000", "1,000"]
    assert table.locator("th[aria-sort=descending]").count() == 1
    heading.press("Enter")
    assert column(table, "Parameters") == ["1,000", "2,000", "3,000"]
    table.get_by_role("button", name="Model", exact=True).click()
    assert column(table, "Model") == ["a", "b", "c"]


def test_empty_cells_stay_last_when_a_table_is_sorted(page: Page) -> None:
    table = page.locator("#models table").first
    for _ in range(2):
        table.get_by_role("button", name="Over seeds").click()
        cells = column(table, "Over seeds")
        assert cells[0].endswith("(2)")
        assert cells[1:] == ["", ""]


def test_the_models_table_says_what_is_tied_and_hides_no_column_on_a_small_screen(page: Page) -> None:
    table = page.locator("#models table").first
    assert column(table, "Tied with") == ["b", "a", "none"]
    assert table.locator("xpath=..").evaluate("box => box.scrollWidth <= box.clientWidth")
    assert page.title() == "Mystery Fashion: a is best, tied with b"
    assert "It is tied with b." in page.locator("#verdict").inner_text()


def test_an_equivalent_model_is_called_so_as_in_the_written_table(content: Content) -> None:
    first, *others = content.results.pairs
    assert (first["model_a"], first["model_b"]) == ("a", "b")
    pairs = [Pair(**first | {"verdict": "equivalent"}), *others]
    page = html(dataclasses.replace(content, results=dataclasses.replace(content.results, pairs=pairs)))
    assert "with <strong>b (equivalent)</strong>." in page
    assert re.findall(r'<td class="names">(.*?)</td>', page) == ["b (equivalent)", "a (equivalent)", "none"]


def test_what_is_the_same_for_all_models_is_no_column(page: Page) -> None:
    page.get_by_text("Recipes, calibration, times, hardware").click()
    table, same = page.locator("#models table").nth(1), page.locator("#models dl.same")
    assert column(table, "Loss") == ["categorical crossentropy", "hinge loss", "categorical crossentropy"]
    assert column(table, "Published") == ["80.00%", "", ""]
    assert "Optimizer\nadam" in same.inner_text()


def test_a_pair_of_models_has_its_verdict(page: Page) -> None:
    page.get_by_text("Every pair of models").click()
    table = page.locator("#models table").nth(2)
    assert column(table, "Verdict") == ["undecided", "different", "different"]
    assert column(table, "A − B, points")[0] == "+10.00"  # 6 and 12 errors on 60 images


def test_dots_take_the_colours_of_the_chosen_groups_and_the_legend_hides_a_group(page: Page) -> None:
    by_label = colors_on(page, "t-SNE")
    assert len(by_label) >= len(LABELS)
    page.get_by_label("Colour by").select_option("DBSCAN cluster")
    by_cluster = colors_on(page, "t-SNE")
    assert GREY in by_cluster  # noise is grey
    assert by_cluster != by_label
    legend = page.locator("#legend button")
    assert legend.all_inner_texts() == ["noise (30)", "0 (30)"]
    legend.first.click()
    assert legend.first.get_attribute("aria-pressed") == "false"
    assert GREY not in colors_on(page, "t-SNE")
    legend.first.click()
    assert GREY in colors_on(page, "t-SNE")


@pytest.mark.parametrize(("name", "dot"), [("t-SNE", 1), ("PCA", 2)])
def test_pointing_at_a_dot_shows_its_image_its_groups_and_the_models_confidence(
    page: Page, content: Content, name: str, dot: int
) -> None:
    page.mouse.move(*on_map(page, name, 1, 1))  # bottom right: (1, 0) on the map
    assert page.locator("#tip").is_visible()
    np.testing.assert_array_equal(drawn(page.locator("#tip canvas"), "L"), content.pictures.embedded.x[dot])
    predicted = LABELS[int(content.pictures.embedded.predicted["b"][dot])]
    assert tip(page) == [
        f"test {dot}",
        f"label: label {dot}",
        f"garment: {GARMENTS[dot]}",
        "KMeans cluster: 0",
        f"DBSCAN cluster: {'0' if dot % 2 else 'noise'}",
        f"prediction of b: {predicted}",
        f"outcome: {'correct' if predicted == f'label {dot}' else 'wrong'}",
        "confidence: 92.0%",
    ]
    page.mouse.move(*on_map(page, name, 0.15, 0.5))  # where no dot is
    assert not page.locator("#tip").is_visible()


def test_a_clicked_dot_stays_and_its_address_leads_back_to_it(page: Page) -> None:
    page.mouse.click(*on_map(page, "t-SNE", 1, 1))
    page.mouse.move(*on_map(page, "t-SNE", 0.15, 0.5))
    assert tip(page)[0] == "test 1"
    assert page.url.endswith("#image=test-1")
    page.reload()
    page.locator("#tip").wait_for()
    assert tip(page)[0] == "test 1"
    page.mouse.click(*on_map(page, "t-SNE", 0.15, 0.5))
    assert not page.locator("#tip").is_visible()
    assert "#" not in page.url


def test_an_image_is_found_by_its_name(page: Page) -> None:
    search = page.get_by_label("Find image")
    search.fill(" Test  2")
    search.press("Enter")
    assert tip(page)[0] == "test 2"
    search.fill("test 2157")
    page.get_by_role("button", name="Find").click()
    assert page.locator("#find output").inner_text() == "test 2157 is not among the 60 images here."


def test_an_image_of_a_file_is_found_by_its_place_or_its_file(
    tab: tuple[Page, list[str]], content: Content, tmp_path: Path
) -> None:
    page, _ = tab
    embedded = content.pictures.embedded
    ids = [f"{image_id} Cats & dogs/ü {row}.PNG" for row, image_id in enumerate(embedded.ids)]
    pictures = dataclasses.replace(content.pictures, embedded=embedded._replace(ids=ids))
    path = tmp_path / "page.html"
    path.write_text(html(dataclasses.replace(content, pictures=pictures)), encoding="utf-8")
    page.goto(path.as_uri())
    search = page.get_by_label("Find image")
    for name in ("test 2", "test-2", "cats & dogs/ü 2.png", ids[2]):
        search.fill("test 0")
        search.press("Enter")
        search.fill(name)
        search.press("Enter")
        assert tip(page)[0] == ids[2]
    page.reload()
    page.locator("#tip").wait_for()
    assert tip(page)[0] == ids[2]


@pytest.mark.parametrize(("key", "ends"), [("ArrowRight", {1, 3}), ("ArrowLeft", {0, 2}), ("ArrowDown", {0, 1})])
def test_arrow_keys_go_from_dot_to_dot_up_to_the_edge(page: Page, key: str, ends: set[int]) -> None:
    page.locator("canvas[data-map='t-SNE']").focus()
    seen = []
    for _ in range(N):
        page.keyboard.press(key)
        seen.append(int(tip(page)[0].removeprefix("test ")))
    assert len(set(seen)) > 3
    assert seen[-1] in ends
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


def test_the_curves_of_validation_are_shown_first_and_a_models_curves_can_be_hidden(page: Page) -> None:
    lines = page.locator("[data-curve^='curve-b-']")
    assert [line.get_attribute("data-curve") for line in lines.all()] == [
        "curve-b-27-validation-accuracy",
        "curve-b-27-validation-loss",
    ]
    page.get_by_label("training (dotted)").check()
    assert lines.count() == 4
    page.get_by_label("b", exact=True).uncheck()
    assert lines.count() == 0
    assert page.locator("[data-curve^='curve-a-28-']").first.is_visible()


def points(page: Page, curve: str) -> list[tuple[float, float]]:
    """The places of a curve's values on the screen."""
    boxes = [circle.bounding_box() for circle in page.locator(f"[data-curve={curve}] circle").all()]
    return [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box]


def test_epochs_may_have_a_linear_scale(page: Page) -> None:
    page.locator("#curve-lines").scroll_into_view_if_needed()
    (first, _), (second, _), (third, _) = points(page, "curve-b-27-validation-accuracy")
    assert (second - first) / (third - first) == pytest.approx(np.log(2) / np.log(3), abs=0.01)
    page.get_by_label("on a logarithmic scale").uncheck()
    (first, _), (second, _), (third, _) = points(page, "curve-b-27-validation-accuracy")
    assert (second - first) / (third - first) == pytest.approx(1 / 2, abs=0.01)


def test_a_part_of_the_chart_is_enlarged_and_made_whole_again(page: Page) -> None:
    page.locator("#curve-lines").scroll_into_view_if_needed()
    whole = points(page, "curve-c-27-validation-accuracy")
    (x, y), chart = whole[1], page.locator("#curve-lines [data-measure=accuracy] svg").bounding_box()
    assert chart
    page.mouse.move(x - 40, y - 30)
    page.mouse.down()
    page.mouse.move(x + 20, y + 10, steps=3)
    page.mouse.move(x + 40, y + 30)
    page.mouse.up()
    part = points(page, "curve-c-27-validation-accuracy")
    assert part[1][0] == pytest.approx(chart["x"] + (52 + chart["width"] - 12) / 2, abs=3)  # in the middle
    assert part[1][1] == pytest.approx(chart["y"] + (26 + 340 - 34) / 2, abs=3)
    assert part[2][0] > chart["x"] + chart["width"]
    page.mouse.dblclick(*part[1])
    assert points(page, "curve-c-27-validation-accuracy") == [pytest.approx(place, abs=1) for place in whole]


def test_arrow_keys_go_from_value_to_value_of_the_curves(page: Page) -> None:
    page.locator("#curve-lines [data-measure=loss] svg").focus()
    told = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        told.append([tip(page)[0], tip(page)[2]])
    assert told == [
        *(["a, seed 27", f"after epoch {epoch}"] for epoch in (1, 2, 3)),
        ["a, seed 28", "after epoch 3"],
        ["a, seed 28", "after epoch 2"],
    ]
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


def test_paper_gets_the_chart_of_the_file(page: Page) -> None:
    assert not page.locator("#curve-chart svg").is_visible()
    page.emulate_media(media="print")
    assert page.locator("#curve-chart svg").is_visible()
    assert not page.locator("#curve-lines").is_visible()


def test_pointing_at_a_curve_shows_its_values(page: Page) -> None:
    page.locator("#curve-lines").scroll_into_view_if_needed()
    x, y = points(page, "curve-c-27-validation-accuracy")[2]
    page.mouse.move(x, y)
    assert tip(page) == ["c, seed 27", "validation accuracy: 33.33%", "after epoch 3"]
    page.mouse.move(x - 40, y + 5)
    assert not page.locator("#tip").is_visible()


def test_the_mistakes_are_those_of_the_chosen_model(page: Page, content: Content) -> None:
    assert page.locator("[data-mistakes]:visible").get_attribute("data-mistakes") == "a"
    page.get_by_label("Model", exact=True).select_option("b")
    group = page.locator("[data-mistakes]:visible")
    assert group.get_attribute("data-mistakes") == "b"
    rows = [row for row in content.results.mistakes if row["model"] == "b"]
    assert group.locator("figure").count() == len(rows) == 12
    lines = group.locator("figcaption").first.inner_text().splitlines()
    assert lines[1:] == [
        f"{rows[0]['label']}, predicted {rows[0]['predicted']}".replace("label", "label label", 1),
        "92.0% confident",
        rows[0]["image"],
    ]


def test_a_cell_of_a_matrix_shows_its_images(page: Page, content: Content) -> None:
    run = content.runs["c"][0]
    y, predicted = run.y["test"], run.predicted["test"]
    cell = page.locator("td[data-model=c][data-true='label 1'][data-predicted='label 2']")
    expected = np.flatnonzero((y == 1) & (predicted == 2)).tolist()
    assert cell.inner_text() == str(len(expected))
    cell.click()
    names = [text.splitlines()[-1] for text in page.locator("#gallery figcaption").all_inner_texts()]
    assert names == [f"test {row}" for row in expected]
    assert page.locator("#gallery-count").inner_text() == f"{len(expected)} of the 60 test images on this page."
    np.testing.assert_array_equal(
        drawn(page.locator("#gallery canvas").first, "L"), content.pictures.embedded.x[expected[0]]
    )
    page.locator("#gallery button").first.click()
    assert tip(page)[0] == names[0]


def test_images_that_only_one_of_two_models_gets_right_are_shown(page: Page, content: Content) -> None:
    a, c = (content.runs[model][0].correct["test"] for model in "ac")
    page.locator("select[name=model]").select_option("c")
    page.locator("select[name=rival]").select_option("a")
    expected = np.flatnonzero(a & ~c)
    assert len(expected) > 24
    assert page.locator("#gallery-count").inner_text().startswith(f"{len(expected)} of the 60 ")
    assert page.locator("#gallery figure").count() == 24
    page.get_by_role("button", name="Show more").click()
    assert page.locator("#gallery figure").count() == len(expected)


def test_it_fits_a_phone_on_which_pictures_are_folded(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert all(link.is_visible() for link in page.locator("nav a").all())
    page.get_by_label("Model", exact=True).select_option("b")
    pictures = page.locator("[data-mistakes=b] figure")
    assert [picture.is_visible() for picture in pictures.all()] == [True] * 8 + [False] * 4
    page.get_by_role("button", name="Show all 12").click()
    assert all(picture.is_visible() for picture in pictures.all())


def test_twelve_labels_with_long_names_fit_a_phone_too(
    tab: tuple[Page, list[str]], content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = [f"a label of some length {number}" for number in range(12)]
    prepared = content.results.prepared | {"labels": labels, "counts": {}}
    results = dataclasses.replace(content.results, prepared=prepared)
    monkeypatch.setattr(page_module, "confusion_matrices", lambda *_: {"a": np.full((12, 12), 1000)})
    (tmp_path / "report.html").write_text(html(dataclasses.replace(content, results=results)), encoding="utf-8")
    page, _ = tab
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_the_tip_leaves_its_dot_free_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    x, y = on_map(page, "t-SNE", 1, 1)
    page.mouse.move(x, y)
    box = page.locator("#tip").bounding_box()
    assert box
    assert not (box["x"] <= x <= box["x"] + box["width"] and box["y"] <= y <= box["y"] + box["height"])
    assert 0 <= box["x"] <= 390 - box["width"]


def test_on_paper_nothing_is_folded_or_cut_off(page: Page) -> None:
    page.pdf()
    assert page.locator("details:not([open])").count() == 0
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    page.emulate_media(media="print")
    cut = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.ariaLabel)"
    assert page.locator(".wide").evaluate_all(cut) == []


def test_it_is_dark_where_the_reader_wants_that(page: Page) -> None:
    def brightness(what: str) -> int:
        color = page.evaluate(f"getComputedStyle(document.body).{what}")
        return sum(map(int, re.findall(r"\d+", color)[:3]))

    assert brightness("backgroundColor") > 600 > 300 > brightness("color")
    page.emulate_media(color_scheme="dark")
    assert brightness("backgroundColor") < 150 < 600 < brightness("color")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_on_the_strongest_colours_can_be_read(page: Page, scheme: Any) -> None:
    """A contrast of 4.5 and more, as WCAG 2.1 asks for."""
    page.emulate_media(color_scheme=scheme)
    names = ("ink", "heat", "error", "ground")
    values = page.evaluate(
        "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`))", names
    )
    ink, *grounds = (luminance(value.strip()) for value in values)
    for ground in grounds:
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5


def luminance(color: str) -> float:
    """The relative luminance of #rgb or #rrggbb, WCAG 2.1."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    channels = np.array([int(digits[at : at + 2], 16) for at in (0, 2, 4)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_names_from_data_are_text_not_markup(page: Page) -> None:
    for section in ("verdict", "claims", "labels"):
        assert TEXT in page.locator(f"#{section}").inner_text()
    assert page.locator("b").count() == 0


def test_everything_has_a_name_and_the_tab_key_stops_only_where_it_helps(page: Page) -> None:
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("svg:not([role=img][aria-label])").count() == 0
    names = page.locator("svg").evaluate_all("all => all.map(svg => svg.ariaLabel)")
    assert len(set(names)) == len(names) == 8
    assert page.locator("input, select").evaluate_all("all => all.filter(field => !field.labels.length).length") == 0
    assert page.locator("fieldset:not(:has(> legend))").count() == 0
    ids = page.locator("[id]").evaluate_all("all => all.map(element => element.id)")
    assert len(ids) == len(set(ids))
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the results"
    stops = "boxes => boxes.map(box => [box.scrollWidth > box.clientWidth, box.tabIndex === 0])"
    assert all(overflows == stops_here for overflows, stops_here in page.locator(".wide").evaluate_all(stops))
    page.set_viewport_size({"width": 390, "height": 800})
    box = page.locator("#models .wide").first
    page.wait_for_function("box => box.tabIndex === 0", arg=box.element_handle())


def test_every_link_leads_somewhere(page: Page, folder: Path) -> None:
    links = page.locator("a[href]").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    files = {link for link in links if not link.startswith("#")}
    assert {"compare/models.csv", "compare/pairs.csv", "audit/label_issues.csv"} <= files
    assert all((folder / "metrics" / file).is_file() for file in files)
    for link in {link for link in links if link.startswith("#")}:
        assert page.locator(f"[id='{link[1:]}']").count() == 1


def test_only_issues_are_shown_as_likely_label_errors(page: Page, content: Content) -> None:
    captions = page.locator("#data figcaption").all_inner_texts()
    assert captions == [f"{GARMENTS[3]}\ngiven label 3, model says label 4\n{name}" for name in ("train 3", "test 3")]
    nothing = dataclasses.replace(content, pictures=dataclasses.replace(content.pictures, issues=[]))
    assert re.search(r'<div class="pictures fold">\s*<p>None.</p>', html(nothing).split('<section id="data">')[1])


def test_a_quick_look_hides_what_it_cannot_support(content: Content) -> None:
    full = html(content)
    verdict = dataclasses.replace(content.verdict, quick_look=True, warning="Quick look: 1 epoch.")
    quick = html(dataclasses.replace(content, verdict=verdict))
    for text in ('<section id="claims">', 'href="#claims"', "Published"):
        assert text in full
        assert text not in quick
    assert '<p class="warning" role="note">Quick look: 1 epoch.</p>' in quick
    assert 'class="warning"' not in full


def test_images_of_unknown_content_have_no_decoding(content: Content) -> None:
    verdict = dataclasses.replace(content.verdict, decoded={}, title="Image classifiers")
    page = html(dataclasses.replace(content, verdict=verdict))
    assert '<section id="labels">' not in page
    assert "Every label is decoded." not in page
    assert "Mystery" not in page
    assert "undecided</strong>" not in page


def test_after_one_epoch_the_curves_are_a_table(content: Content) -> None:
    runs = {
        model: [
            dataclasses.replace(run, history={column: values[:1] for column, values in run.history.items()})
            for run in seeds
        ]
        for model, seeds in content.runs.items()
    }
    page = html(dataclasses.replace(content, runs=runs))
    section = page.split('<section id="curves">')[1].split("</section>")[0]
    assert "<svg" not in section
    assert re.findall(r'<th scope="row">(\w)</th><td class="number">(\d+)</td>', section) == [
        ("a", "27"),
        ("a", "28"),
        ("b", "27"),
        ("c", "27"),
    ]
    assert "50.00%" in section


def test_fewer_dots_make_a_smaller_page(content: Content) -> None:
    assert len(html(content)) - len(html(content, max_points=20)) > 40 * SIDE * SIDE  # noise: no PNG makes it smaller


def test_the_same_results_give_the_same_page(content: Content) -> None:
    assert html(content) == html(stage.read_content(PARAMS))


def test_the_stage_keeps_the_page_and_the_verdict_in_mlflow_and_prints_what_to_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: dict[str, Any] = {}

    class Run:
        def log_metrics(self, metrics: dict[str, float]) -> None:
            kept["metrics"] = metrics

        def log_artifact(self, path: str) -> None:
            kept["artifact"] = Path(path).read_text(encoding="utf-8")

    @contextmanager
    def new_run(name: str, tags: dict[str, str], params: dict[str, str]) -> Iterator[Run]:
        kept["name"], kept["tags"] = name, tags
        yield Run()

    monkeypatch.setattr(tracking, "new_run", new_run)
    stage.main(PARAMS)
    assert (kept["name"], kept["tags"]["best_model"], kept["tags"]["tied_with"]) == ("report", "a", "b")
    assert kept["tags"]["decoded.label_label 0"] == "Sandal"
    assert kept["metrics"] == {"best_test_accuracy": 0.875, "best_val_accuracy": 0.9125}
    assert kept["artifact"] == (folder / stage.PAGE).read_text(encoding="utf-8")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"report: open {folder / stage.PAGE}"
    assert sum(line.split()[:1] in (["a"], ["b"], ["c"]) for line in lines) == 3


def test_against_a_revision_a_page_beside_shows_what_changed(
    folder: Path, content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = {name: dict(row) for name, row in content.results.models.items()}
    earlier["b"] |= {"test_mean": 0.5, "test_accuracy": 0.5}
    earlier["gone"] = earlier["c"] | {"model": "gone"}
    del earlier["c"]
    epochs = ("epoch", "val_loss", "val_accuracy")
    histories: Any = {
        name: [
            {"seed": run.seed, **dict(zip(epochs, row, strict=True))}
            for run in content.runs[name]
            for row in zip(*(run.history[column] for column in epochs), strict=True)
        ]
        for name in "ab"
    }
    wrong = ~content.runs["b"][0].correct["test"]
    before = Before("v1", "b", earlier, [], histories, {"seed": 1}, {"b": wrong[None]})  # type: ignore[arg-type]
    monkeypatch.setattr(stage, "read_before", lambda revision, y: before if revision == "v1" else None)
    untouched = (folder / stage.PAGE).read_bytes()
    stage.main(PARAMS, against="v1")
    assert capsys.readouterr().out == f"report: open {folder / stage.CHANGES_PAGE}\n"
    assert (folder / stage.PAGE).read_bytes() == untouched
    page = (folder / stage.CHANGES_PAGE).read_text(encoding="utf-8")
    section = page.split('<section id="changes">')[1].split("</section>")[0]
    assert "<h2>Changes since v1</h2>" in section
    assert "The best model is a; it was b." in section
    kinds = re.findall(r'<th scope="row">(\w+)</th><td>(new|removed|changed|same)</td>', section)
    assert kinds == [("a", "same"), ("b", "changed"), ("c", "new"), ("gone", "removed")]
    assert re.findall(r"<td>(different|equivalent|undecided), on the test images</td>", section) == ["different"]
    assert "+60.00" in section  # 48 of 60 right now, 12 before
    assert re.findall(r"<code>([\w.]+)</code></th><td>(\w+)</td><td>(\w+)</td>", section) == [("seed", "1", "27")]
    assert section.count("<svg") == 1


def cells(page: Page, table: str) -> dict[str, list[str]]:
    """The texts of a table's rows by that of the first cell."""
    rows = page.locator(f"#{table} tbody tr").all()
    texts = [row.locator("th, td").all_inner_texts() for row in rows]
    return {first: [text.replace("\xa0", " ") for text in others] for first, *others in texts}


def test_two_models_are_compared_beside_their_images(page: Page, content: Content) -> None:
    page.locator("#gallery-controls [name=model]").select_option("c")
    page.locator("#gallery-controls [name=rival]").select_option("a")
    (pair,) = (row for row in content.results.pairs if {row["model_a"], row["model_b"]} == {"a", "c"})
    assert (
        page.locator("#gallery-count")
        .inner_text()
        .endswith(
            f"Of all test images only a is right on {pair['n_only_a_correct']}, only c on {pair['n_only_b_correct']}: "
            f"p = {pair['mcnemar_p_holm']:.2g} (McNemar, Holm)."
        )
    )


def test_the_address_leads_back_to_the_images_that_were_chosen(page: Page) -> None:
    page.locator("#gallery-controls [name=true]").select_option("label 3")
    page.locator("#gallery-controls [name=model]").select_option("c")
    page.locator("#gallery-controls [name=predicted]").select_option("label 4")
    page.locator("#gallery-controls [name=rival]").select_option("b")
    shown = page.locator("#gallery-count").inner_text()
    assert page.url.endswith("#model=c&cell=label+3-label+4&rival=b")
    page.reload()
    page.locator("#gallery figure").first.wait_for(state="attached")
    for name, value in {"true": "label 3", "model": "c", "predicted": "label 4", "rival": "b"}.items():
        assert page.locator(f"#gallery-controls [name={name}]").input_value() == value
    assert page.locator("#gallery-count").inner_text() == shown


@pytest.mark.parametrize("wrong", ["model=nobody&cell=9-9", "cell=%zz", "image=", "threshold=high"])
def test_a_wrong_address_shows_the_page_as_it_is(page: Page, folder: Path, wrong: str) -> None:
    page.locator("#gallery figure").first.wait_for()
    usual = page.locator("#gallery-count").inner_text()
    page.goto("about:blank")
    page.goto(f"{(folder / stage.PAGE).as_uri()}#{wrong}")
    page.locator("#gallery figure").first.wait_for()
    assert page.locator("#gallery-count").inner_text() == usual
    assert page.locator("#threshold").input_value() == "0"
    assert cells(page, "abstention").keys() == set("abc")
    assert not page.locator("#tip").is_visible()


def test_an_address_of_a_section_stays(page: Page, folder: Path) -> None:
    page.goto("about:blank")
    page.goto(f"{(folder / stage.PAGE).as_uri()}#data")
    assert page.url.endswith("#data")


def test_below_a_threshold_models_abstain(page: Page, content: Content) -> None:
    everything = cells(page, "abstention")
    assert everything["a"][2:4] == ["100.00%", "90.00%"]
    page.locator("#threshold").fill("93")  # all confidences are 0.92
    assert cells(page, "abstention")["a"] == ["0.00%", "", "0.00%", "", ""]
    assert page.locator("#threshold-text").inner_text() == "93%"
    assert page.url.endswith("#threshold=93")
    page.reload()
    assert page.locator("#threshold").input_value() == "93"
    page.locator("#threshold").fill("92")
    rows = {
        row["model"]: row for row in content.results.abstention if row["split"] == "test" and row["threshold"] == 0.92
    }
    for model, row in rows.items():
        assert cells(page, "abstention")[model][2] == f"{100 * row['coverage']:.2f}%"


def test_the_nearest_images_stand_beside_one_that_is_kept(page: Page) -> None:
    assert not page.locator("#nearest").is_visible()
    page.mouse.click(*on_map(page, "t-SNE", 1, 1))
    assert page.locator("#nearest h3").inner_text() == "Nearest to test 1"
    names = [text.splitlines()[-1] for text in page.locator("#nearest figcaption").all_inner_texts()]
    assert (len(names), "test 1" in names) == (8, False)
    page.mouse.click(*on_map(page, "t-SNE", 0.15, 0.5))
    assert not page.locator("#nearest").is_visible()


def wilson(right: int, n: int) -> str:
    low, high = wilson_interval(right / n, n, 0.95)
    return f"{100 * low:.1f}% to {100 * high:.1f}%"


def test_accuracy_is_that_of_the_images_in_the_outline_and_of_the_groups_shown(page: Page, content: Content) -> None:
    embedded = content.pictures.embedded
    right = {model: embedded.predicted[model] == embedded.y for model in "abc"}
    everything = cells(page, "selection")
    for model in "abc":
        n_right = int(right[model].sum())
        assert everything[model] == [str(n_right), f"{100 * n_right / N:.1f}%", wilson(n_right, N)]
    page.get_by_role("button", name="Draw an outline").click()
    page.mouse.move(*on_map(page, "t-SNE", 0.5, 0))
    page.mouse.down()
    for corner in ((1.02, -0.02), (1.02, 0.1), (-0.02, 0.1), (-0.02, -0.02)):  # around the dots of two corners
        page.mouse.move(*on_map(page, "t-SNE", *corner), steps=3)
    page.mouse.up()
    inside = [int(row) for row in np.flatnonzero(embedded.maps["t-SNE"][:, 1] > 0.9)]
    assert len(inside) == 2
    assert page.locator("#selection-count").inner_text().startswith("2 images are selected, 2 of them test images: ")
    for model in "abc":
        n_right = int(right[model][inside].sum())
        assert cells(page, "selection")[model] == [str(n_right), f"{50 * n_right:.1f}%", wilson(n_right, 2)]
    page.get_by_role("button", name="Remove the outline").click()
    assert cells(page, "selection") == everything
    page.locator("#legend button").first.click()
    hidden = int((embedded.y == 0).sum())
    assert page.locator("#selection-count").inner_text().startswith(f"{N - hidden} images are selected")


def test_a_table_is_copied_as_csv(page: Page) -> None:
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    page.locator("#models .copy").first.click()
    lines = page.evaluate("window.copied").splitlines()
    assert lines[0].startswith("Model,Test accuracy,")
    assert len(lines) == 1 + 3
    assert lines[1].startswith("a,0.9,")
    assert page.locator("#models .copy").first.inner_text() == "Copied"


def test_clusters_of_other_encoders_have_their_range(page: Page) -> None:
    table = page.get_by_role("region", name="Clusters of encoders of other seeds")
    rows = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
    assert [row[0] for row in rows] == ["KMeans", "DBSCAN"]
    for row in rows:
        cells = [cell.replace("\xa0", " ") for cell in row[1:]]
        assert cells[:2] == ["1 to 3", "0.0 to 50.0%"]
        assert cells[2:5] == ["0.25 to 0.25", "0.50 to 0.50", "75.0 to 75.0%"]
        assert cells[5:] == ["0.25 to 0.75", "0.50 to 0.50", "75.0 to 75.0%"]
