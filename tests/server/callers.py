"""Clients that say what they mean in one call, and harness edits."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent

from autoagent.server.waiting import Waiting

ALL = {"t1": [1.0], "t2": [1.0], "t3": [1.0], "t4": [1.0]}
TWO = {"t1": [1.0], "t2": [1.0]}
IMPATIENT = Waiting(patience=lambda _: 0.0, poll_seconds=0.001)
PATIENT = Waiting(patience=lambda _: 60.0, poll_seconds=0.001)

ORDER = (
    "start_climb",
    "status",
    "read_file",
    "edit_file",
    "commit_candidate",
    "run_benchmark",
    "cancel_benchmark",
    "read_trajectory",
    "diagnose",
    "compare",
    "append_result",
    "revert",
    "finish_climb",
)
"""All tools, in the order a climb uses them."""


class Caller:
    """A connected client."""

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

    async def settled(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The first reply that is not brief: a brief one says that something runs on."""
        while "phase" not in (reply := await self.ask(tool, **arguments)):
            assert set(reply) == {"message", "next_step"}
        return reply

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


Connect = Callable[..., AbstractAsyncContextManager[Caller]]


def text_of(result: CallToolResult) -> str:
    """What a client without structured content shows."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def edit(workspace: Path, line: str = "X = 1") -> None:
    """Change the harness above the boundary, as a client with file tools does."""
    harness = workspace / "agent.py"
    text = harness.read_text()
    harness.write_text(text.replace("MAX_TURNS = 3\n", f"MAX_TURNS = 3\n{line}\n", 1))
