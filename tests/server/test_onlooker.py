"""Two servers on one workspace: one referees, the other looks on and says who referees."""

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client

from autoagent.referee.referee import Referee
from autoagent.server.app import server_of
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine
from autoagent.workspace.tier import TIER_0

from .callers import ALL, TWO, Caller, edit

pytestmark = pytest.mark.rule("R11", "D8")
OpenReferee = Callable[[Engine | None], Referee]
MOVES = {
    "start_climb": {"tag": "other"},
    "commit_candidate": {"description": "x"},
    "run_benchmark": {},
    "cancel_benchmark": {},
    "append_result": {},
    "revert": {},
    "finish_climb": {},
    "edit_file": {"path": "agent.py", "old": "MAX_TURNS = 3", "new": "MAX_TURNS = 4"},
}


@asynccontextmanager
async def onlooker(workspace: Path) -> AsyncGenerator[Caller]:
    """A client of a second server over the workspace."""
    async with Client(server_of(workspace, TIER_0)) as client:
        yield Caller(client)


def played(referee: Referee) -> None:
    """A baseline, and a candidate that fixes a task, measured and waiting for its row."""
    referee.start_climb("night")
    settle(referee)
    referee.run_benchmark()
    settle(referee)
    referee.append_result()
    edit(referee.workspace.root)
    referee.commit_candidate("better")
    referee.run_benchmark()
    settle(referee)


def settle(referee: Referee) -> None:
    while referee.advance().phase in ("validating", "evaluating"):
        pass


async def test_a_second_server_reads_and_may_not_move(
    open_referee: OpenReferee, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another home, too: the workspace names its state, whoever asks."""
    engine = ScriptedEngine(TWO, ALL)
    first = open_referee(engine)
    played(first)
    before = first.status()
    monkeypatch.delenv("AUTOAGENT_STATE_DIR")
    monkeypatch.setenv("HOME", str(workspace.parent / "another"))
    holder = f"Another process referees this workspace: pid {os.getpid()}"

    async with onlooker(workspace) as second:
        status = await second.ask("status")
        assert (status["phase"], status["tag"]) == ("evaluated", "night")
        assert any(holder in note for note in status["notes"])
        assert status["next_calls"][0].startswith("tell the human which process referees")
        assert "MAX_TURNS" in (await second.ask("read_file", path="agent.py"))["text"]
        assert (await second.ask("compare"))["fixed"] == ["t3", "t4"]
        for move, arguments in MOVES.items():
            assert holder in await second.refused(move, **arguments), move
        assert first.status() == before
        first.append_result()
        assert (await second.ask("status"))["phase"] == "idle"

        first.close()

        assert "pid" not in str((await second.ask("status"))["notes"])
        await second.ask("edit_file", **MOVES["edit_file"])
