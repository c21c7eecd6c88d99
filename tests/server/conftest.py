"""A server over a referee whose trials are scripted, and clients of both protocol eras."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult, Implementation, TextContent

from autoagent.benchmark.engine import Engine
from autoagent.benchmark.scripted import ScriptedEngine
from autoagent.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.waiting import Waiting

ALL = {"t1": [1.0], "t2": [1.0], "t3": [1.0], "t4": [1.0]}
TWO = {"t1": [1.0], "t2": [1.0]}
IMPATIENT = Waiting(patience=lambda _: 0.0, poll_seconds=0.001)
PATIENT = Waiting(patience=lambda _: 60.0, poll_seconds=0.001)

Connect = Callable[..., AbstractAsyncContextManager["Caller"]]


class Caller:
    """A connected client that says what it means in one call."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def result(self, tool: str, **arguments: Any) -> CallToolResult:
        """Whatever the tool answers."""
        return await self.client.call_tool(tool, arguments)

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured reply of a call that is not refused."""
        result = await self.result(tool, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """The words of a call that is refused."""
        result = await self.result(tool, **arguments)
        assert result.is_error, result.structured_content
        assert result.structured_content is None
        return text_of(result)

    async def baseline(self) -> dict[str, Any]:
        """Start a climb, measure its baseline and record it."""
        await self.ask("start_climb", tag="night")
        await self.ask("run_benchmark")
        return await self.ask("append_result")


def text_of(result: CallToolResult) -> str:
    """The text a client without structured content shows."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    """The protocol era a client speaks."""
    return request.param


@pytest.fixture
def connect(open_referee: Callable[[Engine | None], Referee], mode: str) -> Connect:
    """Connect a client to a server over the workspace, in either era."""

    @asynccontextmanager
    async def one(
        engine: Engine | None = None, waiting: Waiting = PATIENT, name: str = "test"
    ) -> AsyncGenerator[Caller]:
        server = build_server(open_referee(engine or ScriptedEngine(TWO, ALL)), waiting)
        me = Implementation(name=name, version="1")
        async with Client(server, mode=mode, client_info=me) as client:
            yield Caller(client)

    return one


def edit(workspace: Path, line: str = "X = 1") -> None:
    """Change the harness above the boundary, as a client with file tools does."""
    harness = workspace / "agent.py"
    harness.write_text(harness.read_text().replace("MAX_TURNS = 3\n", f"MAX_TURNS = 3\n{line}\n"))


if not hasattr(Referee, "workspace"):  # TODO(lead): a public property
    Referee.workspace = property(lambda self: self._table.workspace)  # type: ignore[attr-defined]
