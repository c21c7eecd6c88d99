"""`autoagent report`: what the morning is told, and the page."""

from collections.abc import Callable
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autoagent.referee.referee import Referee
from autoagent.server.page import SPACING_SECONDS, PageWriter
from autoagent.worker.scripted import ScriptedEngine

from ..referee.playing import with_baseline

HOSTILE = "</title><script>alert(1)</script> &amp; \u202egnp.exe\x1b[31m 'q' \"q\""


class Elements(HTMLParser):
    """The elements of a page, and what does not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(root: Path) -> str:
    return (root / ".autoagent/report.html").read_text(encoding="utf-8")


def test_a_finished_climb_is_told_and_shown_on_one_page(
    autoagent: Any, workspace: Path, climbed: Callable[[Path], None]
) -> None:
    climbed(workspace)

    code, told = autoagent.json("report", "--workspace", workspace)

    assert code == 0
    assert told["tag"] == "night"
    assert [(step["status"], step["passed"]) for step in told["steps"]] == [
        ("keep", "2/4"),
        ("keep", "3/4"),
    ]
    assert [edit["flips"]["fixed"] for edit in told["edits"]] == [["t3"]]
    assert told["matrix"]["t3"] == ["failed", "passed"]
    assert told["failing"] == [{"what": "wrong answer", "tasks": ["t4"]}]
    assert told["apply"][1] == "git merge autoagent/night"
    page = Elements(page_of(workspace))
    assert "script" not in page.names
    assert {"h1", "svg", "table", "details"} <= set(page.names)
    assert "one more turn" in page.text
    assert "+MAX_TURNS = 4" in page.text
    assert (workspace / ".autoagent/progress.png").read_bytes().startswith(b"\x89PNG")
    said = autoagent("report", "--workspace", workspace)[1]
    assert said.startswith(told["headline"])
    assert told["page"] in said.replace("\n", "")


def test_nothing_that_a_player_wrote_is_markup(autoagent: Any, workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine({"t1": [1.0]}, {"t1": [1.0], "t2": [1.0]}))
    referee.start_climb("night")
    play(referee)
    harness = workspace / "agent.py"
    hostile = harness.read_text().replace("MAX_TURNS = 3", "MAX_TURNS = 4  # </pre><script>")
    harness.write_text(hostile)
    referee.commit_candidate(HOSTILE)
    play(referee)
    referee.close()

    assert autoagent("report", "--workspace", workspace)[0] == 0

    text = page_of(workspace)
    page = Elements(text)
    assert "script" not in page.names
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "alert(1)" in page.text
    assert "default-src 'none'" in text
    assert page.text.count("RUNNING") >= 1


def test_what_changed_since_the_start_is_an_incident_of_a_climb_that_goes_on(
    autoagent: Any, workspace: Path
) -> None:
    with closing(Referee.open(workspace, ScriptedEngine({"t1": [1.0]}))) as referee:
        with_baseline(referee)
    (workspace / "program.md").write_text("Another directive.\n")
    told = autoagent.json("report", "--workspace", workspace)[1]
    assert told["headline"] == "RUNNING"
    assert told["incidents"][0].startswith("program.md: changed since the climb started")


def test_a_climb_without_a_certificate_needs_attention(
    autoagent: Any, workspace: Path, climbed: Any
) -> None:
    climbed(workspace, stop=True)
    told = autoagent.json("report", "--workspace", workspace)[1]
    assert told["headline"] == "NEEDS ATTENTION"
    assert "autoagent certify" in told["sentence"]


def test_without_a_climb_there_is_nothing_to_tell(autoagent: Any, workspace: Path) -> None:
    code, said = autoagent("report", "--workspace", workspace)
    assert code == 2
    assert "No climb was started" in said


@pytest.mark.slow
def test_the_server_has_the_page_written_when_the_climb_moved(
    workspace: Path, climbed: Callable[[Path], None]
) -> None:
    now = 0.0
    writer = PageWriter(workspace, lambda: now)
    referee = Referee.open(workspace, ScriptedEngine({"t1": [1.0]}))
    referee.start_climb("before")
    writer.look(referee.position)
    play(referee)
    writer.look(referee.position)
    assert writer.process is None, "a page of a minute ago is new enough"
    now = SPACING_SECONDS
    writer.look(referee.position)
    referee.close()
    assert writer.process is not None
    assert writer.process.wait() == 0
    assert "before" in page_of(workspace)


def play(referee: Referee) -> None:
    while referee.advance().phase in ("validating", "evaluating"):
        pass
    referee.run_benchmark()
    while referee.advance().phase in ("validating", "evaluating"):
        pass
    referee.append_result()
