"""The page in a real Chromium: what a human sees, hears, reaches and prints."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from autoagent.report import page
from autoagent.report.diffs import Change
from autoagent.report.story import story

from .conftest import CLIMBS, FINISHED, drawn

Pages = Callable[[str], str]
SECTIONS = (
    "What it is worth",
    "How to have it",
    "Incidents",
    "The climb",
    "Kept edits",
    "What it still fails",
    "Dead ends",
    "Tasks and candidates",
    "All that was tried",
    "Costs",
    "Played by",
)
QUICK = {"resultTypes": ["violations"]}
"""Of what is well axe need not say where it is, which takes it most of its time."""


@pytest.mark.parametrize("climb", list(CLIMBS))
def test_axe_finds_nothing_on_any_page(tab: Page, pages: Pages, shown: Any, climb: str) -> None:
    """Of a table axe looks at the first rows: those after them are made by the same loop.

    Contrast, which is slow to look at, is that of the smaller pages' colours.
    """
    tab.goto(pages(climb))
    shown(f"{climb}-light")
    contrast = {"color-contrast": {"enabled": climb != "large"}}
    beyond = {"exclude": [["tr:nth-child(n+20)"]]}
    found = Axe().run(tab, context=beyond, options={"rules": contrast} | QUICK)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("climb", ["finished", "running"])
def test_in_the_dark_there_is_contrast_too(tab: Page, pages: Pages, shown: Any, climb: str) -> None:
    tab.emulate_media(color_scheme="dark")
    tab.goto(pages(climb))
    shown(f"{climb}-dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    found = Axe().run(tab, options={"runOnly": ["color-contrast"]} | QUICK)
    assert found.violations_count == 0, found.generate_report()


def test_the_page_has_every_section_of_the_morning(tab: Page, pages: Pages) -> None:
    tab.goto(pages("finished"))
    assert tab.locator("h2").all_inner_texts() == list(SECTIONS)
    assert tab.locator("h1").inner_text() == "NEEDS ATTENTION"


def test_what_runs_is_told_first(tab: Page, pages: Pages) -> None:
    tab.goto(pages("running"))
    assert tab.locator("h2").first.inner_text() == "Now"
    assert "e6 measures" in tab.locator("section").inner_text()
    assert tab.locator("progress").get_attribute("max") == "8"


def test_the_keyboard_reaches_and_opens_every_part(tab: Page, pages: Pages) -> None:
    tab.goto(pages("finished"))
    parts = tab.locator("summary, [tabindex]").count()
    assert parts >= 5
    reached = 0
    for _ in range(parts):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('summary, [tabindex]')"):
            reached += 1
        if tab.evaluate("document.activeElement.matches('summary')"):
            was = tab.evaluate("document.activeElement.parentElement.open")
            tab.keyboard.press("Enter")
            assert tab.evaluate("document.activeElement.parentElement.open") is not was
    assert reached == parts


def test_a_mark_and_a_cell_tell_what_they_are_when_pointed_at(tab: Page, pages: Pages) -> None:
    tab.goto(pages("finished"))
    marks = tab.locator("[aria-roledescription=point] title").all_text_contents()
    assert len(marks) == FINISHED[0]
    assert marks[10].startswith("10. 000000a keep")
    assert "another order of the tools" in marks[10]
    cells = tab.locator(".cells tbody td")
    assert cells.count() == FINISHED[0] * FINISHED[1]
    told = set(cells.evaluate_all("cells => cells.map(cell => cell.title.split(': ')[1])"))
    assert told == {"passed", "failed", "not run"}


def test_print_shows_what_is_folded_on_the_screen(tab: Page, pages: Pages) -> None:
    tab.goto(pages("finished"))
    tab.locator("summary").first.click()
    folded = tab.locator("details pre").first
    assert not folded.is_visible()
    tab.emulate_media(media="print")
    assert folded.is_visible()
    assert tab.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("climb", list(CLIMBS))
def test_a_narrow_window_needs_no_scrolling_to_the_side(
    tab: Page, pages: Pages, shown: Any, climb: str
) -> None:
    tab.set_viewport_size({"width": 360, "height": 700})
    tab.goto(pages(climb))
    shown(f"{climb}-narrow")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_asks_for_nothing_and_runs_nothing(tab: Page, pages: Pages) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(pages("large"))
    assert asked == [pages("large")]
    assert tab.locator("script").count() == 0


HOST = """
<iframe sandbox="allow-scripts" style="width: 800px"></iframe>
<script>
  const heard = [], frame = document.querySelector("iframe");
  addEventListener("message", ({data}) => {
    heard.push(data);
    if (data.method === "ui/initialize")
      frame.contentWindow.postMessage({jsonrpc: "2.0", id: data.id, result: {}}, "*");
  });
  frame.srcdoc = PAGE;
</script>
"""


def test_as_a_view_it_greets_its_host_and_says_how_large_it_is(tab: Page) -> None:
    told = story(CLIMBS["finished"](), 0.0)
    diffs = dict.fromkeys(told.edits, Change(("+<script>",)))
    framed = drawn(told, diffs, page.Script("framed", "nonce"))
    tab.set_content(HOST.replace("PAGE", json.dumps(framed).replace("</", "<\\/")))
    tab.wait_for_function("heard.some(one => one.method === 'ui/notifications/size-changed')")
    heard = tab.evaluate("heard")
    assert [one["method"] for one in heard[:2]] == ["ui/initialize", "ui/notifications/initialized"]
    assert heard[2]["params"]["height"] > 1000
