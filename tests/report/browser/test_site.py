"""The documentation's site, as a browser has it: everything comes from the site itself."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ...docs.test_site import built_from


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Where the site is served, and where it lies."""
    site = built_from(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/", site
        server.shutdown()
        serving.join()


def test_no_page_and_no_search_asks_another_machine(
    browser: Browser, served: tuple[str, Path]
) -> None:
    """Whatever a script fetches is asked for as well; a search finds a word of a page."""
    url, site = served
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(120_000)  # a machine may be busy
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    for page in sorted(site.rglob("index.html")):
        tab.goto(f"{url}{page.relative_to(site).parent.as_posix()}/")
    tab.wait_for_load_state("networkidle")  # the script listens; else the keys turn pages
    tab.keyboard.press("Control+k")
    tab.keyboard.type("seccomp")
    expect(tab.get_by_text("Calls that a trial may not make")).to_be_visible(timeout=60_000)
    tab.close()
    assert len(asked) > 30
    assert [one for one in asked if not one.startswith((url, "data:", "blob:"))] == []
