"""The page in a browser: it sorts, and nothing in a name can become part of it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

from dataflow import Design, plan
from dataflow.cost.resources import Resources
from network import load
from tests.vitis.reports import report_files as tools
from vitis.reports.page import page
from vitis.reports.report import Readings, assemble, read

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def toy(toy_yaml) -> Design:
    return plan(load(toy_yaml))


@pytest.fixture(scope="module")
def html(toy, tmp_path_factory):
    """Three of five IPs synthesized, in an order of LUTs that is not the stream's."""
    build = tmp_path_factory.mktemp("build")
    for name, lut in {"dma": 900, "res2a": 12_000, "head": 2_000}.items():
        tools.write_csynth(build, toy, toy.ip(name), resources=Resources(lut=lut, ff=100))
    tools.write_timing(build / "stitch" / "timing.rpt")
    file = build / "report.html"
    file.write_text(page(read(toy, build)))
    return file


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, html):
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    tab.goto(html.as_uri())
    yield tab
    tab.close()
    assert said == []


def order(tab, table):
    return tab.locator("table.sortable").nth(table).locator("tbody th").all_inner_texts()


STREAM = ["dma", "stem", "res2a", "res2b", "head"]


def test_numbers_sort_largest_first_and_back(opened):
    heading = opened.get_by_role("button", name="LUT", exact=True)
    seen = []
    for _ in range(3):
        heading.click()
        seen.append((order(opened, 1), heading.locator("xpath=..").get_attribute("aria-sort")))
    assert seen == [
        (["res2a", "head", "dma", "stem", "res2b"], "descending"),  # not known: last, in the stream's order
        (["dma", "head", "res2a", "stem", "res2b"], "ascending"),
        (STREAM, "none"),
    ]
    assert order(opened, 0) == STREAM


def test_names_sort_and_the_keyboard_does_too(opened):
    heading = opened.locator("table.sortable").nth(0).get_by_role("button", name="IP", exact=True)
    heading.focus()
    opened.keyboard.press("Enter")
    assert order(opened, 0) == sorted(STREAM)
    opened.keyboard.press("Space")
    assert order(opened, 0) == sorted(STREAM, reverse=True)


def test_one_column_at_a_time(opened):
    cycles = opened.locator("table.sortable").nth(0)
    cycles.get_by_role("button", name="design", exact=True).click()
    cycles.get_by_role("button", name="SLR", exact=True).click()
    assert cycles.locator("th[aria-sort=descending]").all_inner_texts() == ["SLR"]


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_is_as_wide_as_the_window(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(opened, scheme):
    """Contrast of at least 4.5 (WCAG 2 AA) between the paper and every colour of text."""
    opened.emulate_media(color_scheme=scheme)
    names = ("ink", "quiet", "alarm")
    paper, *colours = (
        opened.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')") for name in ("paper", *names)
    )
    for name, colour in zip(names, colours, strict=True):
        light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def luminance(colour):
    parts = [int(part, 16) / 255 for part in re.findall(r"[0-9a-f]{2}", colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_names_cannot_become_markup(toy, browser, tmp_path):
    bad = "<img src=x onerror=\"document.title='owned'\">\"'&"
    ips = tuple(replace(ip, name=bad + ip.name, title=bad) for ip in toy.ips)
    report = replace(assemble(replace(toy, ips=ips), Readings(), estimates={ip.name: Resources(lut=5) for ip in ips}), network=bad)
    file = tmp_path / "report.html"
    file.write_text(page(report))
    tab = browser.new_page()
    tab.goto(file.as_uri())
    assert tab.locator("img").count() == 0
    assert tab.title() == f"{bad} on u250"
    assert tab.locator("h1").inner_text() == f"{bad} on u250"
    assert order(tab, 0) == [ip.name for ip in ips]
    tab.close()


def test_nothing_is_fetched(html):
    """No address in the page, and a policy that would stop one."""
    text = html.read_text()
    assert re.findall(r"(?:https?:)?//[a-z]|url\(|@import|<link|src=", text) == []
    assert "default-src 'none'" in text
