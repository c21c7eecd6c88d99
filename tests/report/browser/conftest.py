"""A real Chromium, where the machine has one."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from autoagent.report import charts, page
from autoagent.report.diffs import Change
from autoagent.report.played import Played
from autoagent.report.story import Edit, Story, story

from ..nights import night

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DIFF = Change(
    ("--- agent.py", "+++ agent.py", "@@ -1 +1 @@", "-TURNS = 3", "+TURNS = 4"),
    ("new skills/count/SKILL.md",),
)
FINISHED = 21, 8
"""Candidates and tasks: small, because axe looks at every cell."""
CLIMBS: dict[str, Callable[[], Played]] = {
    "finished": lambda: night(*FINISHED),
    "running": lambda: night(6, 8, over=False),
    "empty": lambda: night(0, 8, over=False),
    "large": lambda: night(500, 1000),
}


def drawn(told: Story, diffs: Mapping[Edit, Change], script: page.Script | None = None) -> str:
    """A story's page."""
    staircase = charts.staircase(told.steps) if told.steps else ""
    return page.render(told, diffs, "head", staircase, script)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own: playwright's download is 400 MB.

    Of a module: while playwright is there, its event loop keeps every other from running.
    """
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("there is no Chromium; `apt-get install chromium` (12 s) brings one")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=root)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The address of the page of a climb of `CLIMBS`, drawn once."""
    place = tmp_path_factory.mktemp("pages")

    def address(name: str) -> str:
        file = place / f"{name}.html"
        if not file.exists():
            told = story(CLIMBS[name](), 8 * 3600.0)
            file.write_text(drawn(told, dict.fromkeys(told.edits, DIFF)))
        return file.as_uri()

    return address


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab in which every error and every request for more fails the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(120_000)  # a machine may be busy
    opened = context.new_page()
    troubles: list[Any] = []
    opened.on("console", lambda said: troubles.append(said.text))
    opened.on("pageerror", lambda error: troubles.append(error))
    yield opened
    context.close()
    assert not troubles


@pytest.fixture
def shown(request: pytest.FixtureRequest, tab: Page) -> Callable[[str], Path]:
    """Take a picture where SCREENSHOTS names a directory, for people to look at."""

    def take(name: str) -> None:
        if place := os.environ.get("SCREENSHOTS"):
            tab.screenshot(path=Path(place) / f"{name}.png", full_page=True)

    return take  # type: ignore[return-value]
