"""Report pages in a browser: nothing is loaded, nothing fails, and what can be clicked works.

`REPORT_PAGE` names the example program that writes the pages (default `target/debug/examples/report_page`).
"""

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("REPORT_PAGE", ROOT / "target/debug/examples/report_page")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    subprocess.run([PROGRAM, folder], check=True)
    return folder


@pytest.fixture
def open_page(browser, pages):
    """Opens a page; at the end there must have been no message, no error and no request but for the file."""
    said, opened = [], []

    def open_page(name, width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != url else None)
        url = (pages / name).as_uri()
        page.goto(url)
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.wait_for_timeout(100)
        page.close()
    assert said == []


def shown(page):
    """The span of time that the plots show."""
    start, end = page.locator(".range").inner_text().removesuffix(" s").split(" – ")
    return float(start), float(end)


def column(page, table, number):
    return page.locator(".table").nth(table).locator(f"tbody td:nth-child({number})").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_opens_without_errors_and_fits(open_page, width, scheme):
    page = open_page("report.html", width, scheme)
    assert page.locator("canvas").count() == 5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != back


@pytest.mark.parametrize("name", ["hostile.html", "empty.html"])
def test_hostile_words_run_nothing(open_page, name):
    page = open_page(name)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_drag_zooms_all_panels_and_double_click_resets(open_page):
    page = open_page("report.html")
    whole = shown(page)
    over = page.locator(".u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    x, y = box["x"], box["y"] + 40
    page.mouse.move(x + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    start, end = shown(page)
    span = whole[1] - whole[0]
    assert start == pytest.approx(whole[0] + span / 4, abs=0.2)
    assert end == pytest.approx(whole[0] + span / 2, abs=0.2)
    page.keyboard.press("+")
    assert shown(page)[1] - shown(page)[0] == pytest.approx((end - start) / 2, abs=0.05)
    page.mouse.wheel(0, 100)
    assert shown(page)[1] - shown(page)[0] > (end - start) / 2
    page.mouse.dblclick(x + 300, y)
    assert shown(page) == whole


def test_hover_reads_out_the_values(open_page):
    page = open_page("report.html")
    over = page.locator(".u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    tip = page.locator(".tip").first.inner_text()
    assert "speed" in tip and "mph" in tip and "cruise on" in tip


def test_time_of_a_finding_or_cell_is_shown_in_the_plots(open_page):
    page = open_page("report.html")
    for place in (".findings", ".table"):
        button = page.locator(f"{place} button.time").nth(2)
        button.click()
        start, end = shown(page)
        assert start <= float(button.get_attribute("data-start")) <= end and end - start < 20


def test_tables_sort_filter_and_turn_pages(open_page):
    page = open_page("report.html")
    heads = page.locator(".table").first.locator("th")
    speed = heads.nth(7)
    for order in ("ascending", "descending"):
        speed.locator("button").click()
        assert speed.get_attribute("aria-sort") == order
        values = [float(text) for text in column(page, 0, 8)]
        assert len(values) == 15 and values == sorted(values, reverse=order == "descending")
    page.locator(".table input").first.fill("set rise")
    page.wait_for_timeout(400)
    assert column(page, 0, 3) == ["set", "set"]
    second = page.locator(".table").nth(1)
    first = column(page, 1, 1)
    second.get_by_role("button", name="Next").click()
    assert column(page, 1, 1)[0] > first[-1]
    assert column(page, 1, 4)[0] == "0x146"


@pytest.mark.parametrize("name", ["timeline.svg", "hostile.svg"])
def test_svg_is_well_formed(pages, name):
    root = ElementTree.parse(pages / name).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds == {"svg", "title", "rect", "path", "text"}


def test_png_is_one(pages):
    start = (pages / "timeline.png").read_bytes()[:24]
    assert start[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(start[16:20], "big") == 2400


def test_pages_have_the_same_bytes_again(pages, tmp_path):
    subprocess.run([PROGRAM, tmp_path], check=True)
    for path in pages.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
