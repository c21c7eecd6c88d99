"""Claude Code with the plugin, as its users have it, against a scripted model."""

import json
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from autoagent.commands.before.init import TEMPLATES

from . import night
from .claude import ESCAPE, SERVER, Claude, install
from .endpoint import Answer, Asked, Call, Endpoint, Result, Script, serving
from .npm import ROOT
from .player import IDEAS, Player, Whims

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text()
INSTALL = [line for line in README.splitlines() if line.startswith("claude plugin ")]


class Session(NamedTuple):
    """A client in a workspace, and the endpoint that it takes for its model."""

    claude: Claude
    endpoint: Endpoint


Open = Callable[[Path, Script], AbstractContextManager[Session]]


@pytest.fixture
def session(tmp_path: Path) -> Open:
    """Open a home in which the plugin is installed, by the commands of the README."""
    try:
        program = install()
    except LookupError as error:
        pytest.skip(str(error))

    @contextmanager
    def opened(workspace: Path, script: Script) -> Generator[Session]:
        with serving(script) as endpoint:
            claude = Claude(tmp_path, workspace, endpoint.url)
            path = f"{program.parent}:{claude.environment['PATH']}"
            for line in INSTALL:
                subprocess.run(
                    line,
                    shell=True,
                    cwd=ROOT,
                    env=claude.environment | {"PATH": path},
                    check=True,
                    capture_output=True,
                )
            yield Session(claude, endpoint)

    return opened


def test_the_plugin_and_its_marketplace_are_valid_and_are_said_to_be_of_this_version(
    session: Open, tmp_path: Path
) -> None:
    with session(tmp_path, lambda _: Answer("ok")) as (claude, _):
        for path in (ROOT, ROOT / "plugin"):
            done = claude.run("plugin", "validate", "--strict", str(path))
            assert done.returncode == 0, done.stdout
        listed = json.loads(claude.run("plugin", "list", "--json").stdout)
    assert len(INSTALL) == 2
    installed = {plugin["id"]: plugin for plugin in listed}["autoagent@autoagent"]
    assert (installed["enabled"], installed["version"]) == (True, version("autoagent-mcp"))


def test_a_session_outside_a_workspace_notices_nothing(session: Open, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    note = Call("Write", {"file_path": str(place / "note"), "content": "x"})

    def script(asked: Asked) -> Answer:
        done = any(isinstance(each, Result) for each in asked.heard)
        return Answer("Noted.") if done else Answer("", [note])

    with session(place, script) as (claude, endpoint):
        done = claude.run("-p", "--permission-mode", "acceptEdits", "Make a note.")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Noted.\n", "")
    assert (place / "note").read_text() == "x"
    assert night.hooks_said(endpoint, "AutoAgent: ") == set()


def test_a_night_that_stops_is_compacted_and_is_killed_ends_certified(
    session: Open, tmp_path: Path
) -> None:
    """`claude -p`, nobody there: nothing asks for a permission, no frozen file is changed."""
    root = night.make_workspace(tmp_path / "workspace", candidates=3)
    test, harness = root / "tasks/echo/tests/test.sh", root / "agent.py"
    cheats = [
        Call("Read", {"file_path": str(test)}),
        Call("Edit", {"file_path": str(test), "old_string": "echo 0", "new_string": "echo 1"}),
        Call("Write", {"file_path": str(root / "results.tsv"), "content": "7/7"}),
        Call("Write", {"file_path": str(root / "program.md"), "content": "Rest."}),
        Call("Read", {"file_path": str(harness)}),
        Call("Edit", {"file_path": str(harness), "old_string": "ATIF", "new_string": "X"}),
    ]
    player = Player(str(harness), SERVER, Whims(asks=[1], fills=[2], cheats={0: cheats}))

    with session(root, player) as (claude, endpoint):
        first = claude.start("-p", "/autoagent:climb night")
        assert player.benchmarked[3].wait(120), first.communicate()
        night.wait_for(lambda: night.standing(root)["phase"] == "evaluating", "the evaluation")
        first.kill()
        first.communicate()
        second = claude.run("-p", "--continue", "Go on.")

    assert (second.returncode, second.stderr) == (0, "")
    assert "Certified: " in night.standing(root)["worth"]
    assert night.fates(root) == [idea.fate for idea in IDEAS[:3]]
    assert (player.asked, player.compacted) == (1, 1)
    assert len(night.hooks_said(endpoint, night.SENT_ON)) == 1
    assert len(night.hooks_said(endpoint, night.TOLD)) == 2, "compacted, and resumed"
    reasons = ["is frozen", "from the journal alone", "is frozen", "below the boundary"]
    assert [reason in said for reason, said in zip(reasons, player.refusals, strict=True)] == [
        True
    ] * 4
    assert player.tokens_an_iteration() < 1000


def test_in_a_terminal_a_human_may_break_in_and_compact_and_the_climb_goes_on(
    session: Open, tmp_path: Path
) -> None:
    """The Stop hook sends on who stops to ask, and is not in the way of a human's Escape."""
    root = night.make_workspace(tmp_path / "workspace", candidates=2)
    player = Player(str(root / "agent.py"), SERVER, Whims(asks=[1]))

    with (
        session(root, player) as (claude, endpoint),
        claude.terminal("/autoagent:climb night") as terminal,
    ):
        assert player.benchmarked[2].wait(120), terminal.shown
        terminal.press(ESCAPE)
        night.wait_for(lambda: "interrupted by user" in claude.transcripts(), "the interruption")
        terminal.enter("/compact")
        night.wait_for(lambda: player.compacted == 1, "the compaction")
        terminal.enter("Go on.")
        assert player.over.wait(120), terminal.shown

    assert "Certified: " in night.standing(root)["worth"]
    assert night.fates(root) == [idea.fate for idea in IDEAS[:2]]
    assert (player.asked, player.compacted) == (1, 1)
    assert len(night.hooks_said(endpoint, night.SENT_ON)) == 1


def test_the_client_lets_go_of_a_session_that_only_talks_after_eight_times(
    session: Open, tmp_path: Path
) -> None:
    """In a workspace whose `.mcp.json` names the same server, which takes the plugin's place."""
    root = night.make_workspace(tmp_path / "workspace", candidates=1)
    (root / ".mcp.json").write_text((TEMPLATES / "clients/mcp.json").read_text())
    start, said = Call("mcp__autoagent__start_climb", {"tag": "night"}), list[str]()

    def script(asked: Asked) -> Answer:
        calls = {heard.call.name for heard in asked.heard if isinstance(heard, Result)}
        if "Climb." in asked.heard and start.name not in calls:
            ready = start.name in asked.tools
            time.sleep(0 if ready else 0.2)
            return Answer("", [start if ready else Call("Read", {"file_path": "agent.py"})])
        said.append("Tired.")
        return Answer(said[-1])

    with session(root, script) as (claude, endpoint):
        done = claude.run("-p", "Climb.")
        talked = len(said)
        (root / "STOP").touch()
        claude.run("-p", "What became of the climb?")

    assert done.returncode == 0
    assert night.standing(root)["phase"] == "baseline_needed"
    assert not any(SERVER in tool for tool in endpoint.asked[-1].tools)
    assert talked == 1 + 8
    assert len(said) == talked + 1, "a session that does not play is not sent on"
