"""`autoagent watch`: the page follows the climb, for a browser on this machine and nobody else."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from ...referee.playing import ONE, TWO, propose, with_baseline

pytestmark = pytest.mark.slow


@pytest.fixture
def watched(workspace: Path) -> Iterator[str]:
    """The address that `autoagent watch` tells; an interrupt ends it, and that is no failure."""
    command = [sys.executable, "-m", "autoagent", "watch", "--workspace", str(workspace)]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def ask(address: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    where = urlsplit(address)
    assert where.hostname == "127.0.0.1"
    connection = HTTPConnection("127.0.0.1", where.port or 0, timeout=20)
    connection.request(method, "/", headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def test_a_page_that_did_not_change_is_not_sent_again_and_others_are_kept_out(watched: str) -> None:
    status, page, headers = ask(watched)
    assert (status, "No climb was started" in page) == (200, True)
    tag, policy = headers["etag"], headers["content-security-policy"]
    assert ask(watched, If_None_Match=tag)[0] == 304
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "access-control-allow-origin" not in headers
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert page.count(f'nonce="{nonce}"') == page.count("<script") == 1
    assert ask(watched, Host="evil.example")[0] == 400
    assert ask(watched, method="POST")[0] == 405


def test_the_page_follows_a_climb_that_a_server_plays(
    watched: str, tab: Page, workspace: Path, open_referee: Callable[[object], Referee]
) -> None:
    """A part that was folded stays folded, and no journal is touched."""
    tab.goto(watched)
    assert "No climb was started" in tab.locator("h1").inner_text()
    referee = open_referee(ScriptedEngine(ONE, TWO, TWO))
    with_baseline(referee)
    tab.get_by_text("Nothing is measured").wait_for()
    propose(referee, workspace, "X = 1", "one more name")
    folded = tab.locator("summary", has_text="one more name")
    folded.click()
    propose(referee, workspace, "Y = 2", "another name")
    tab.locator("td", has_text="another name").first.wait_for()
    assert tab.locator("details").first.get_attribute("open") is None
    assert "RUNNING" in tab.title()
