"""One agent process that speaks ACP, and our end of the connection: it asks, and we answer.

The agent leads a process group of its own, so that it ends with all it started. An evaluation's
worker is in none of them and goes on.
"""

import asyncio
import os
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import anyio
from acp import Client, RequestError
from acp.client.connection import ClientSideConnection
from acp.schema import (
    AgentMessageChunk,
    AllowedOutcome,
    DeniedOutcome,
    PermissionOption,
    ReadTextFileResponse,
    RequestPermissionResponse,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
    UsageUpdate,
    WriteTextFileResponse,
)

from autoagent.errors import ConfigError, WorkspaceError
from autoagent.night.log import Log
from autoagent.night.policy import Policy

ASKED_SECONDS = 2.0
TOLD_SECONDS = 3.0
"""How long an agent has to end once its stdin is closed, and then once it got SIGTERM."""


@asynccontextmanager
async def connected(
    command: Sequence[str], directory: Path, hands: "Hands", complaints: Path
) -> AsyncGenerator[tuple[ClientSideConnection, int]]:
    """Start an agent: the way to it, and its process id.

    Whatever happens in the block, its process group is gone afterwards.

    Raises:
        ConfigError: There is no such program.
    """
    with complaints.open("ab") as stderr:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=directory, stdin=PIPE, stdout=PIPE, stderr=stderr,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ConfigError(
                f"The agent {command[0]!r} cannot be started: {error.strerror} "
                "(autoagent.toml: night.agent, or --agent)."
            ) from error
    connection = ClientSideConnection(cast(Client, hands), process.stdin, process.stdout)
    try:
        yield connection, process.pid
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
            with suppress(OSError):  # answers that nobody is there to take any more
                await connection.close()


async def _end(process: Process) -> None:
    """Ask, wait, tell the whole group, wait, kill."""
    assert process.stdin is not None
    process.stdin.close()
    with anyio.move_on_after(ASKED_SECONDS):
        await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with anyio.move_on_after(TOLD_SECONDS):
            await process.wait()
            while True:  # those that it started
                os.killpg(process.pid, 0)
                await anyio.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


class Hands:
    """What the agent may ask of us. `active` is when it last did anything (monotonic seconds)."""

    def __init__(self, policy: Policy, log: Log) -> None:
        """Grant by `policy`, and write everything down."""
        self._policy, self._log = policy, log
        self.active = time.monotonic()
        self._calls: dict[str, dict[str, Any]] = {}
        self._said = ""
        self._dollars: dict[str, float] = {}

    @property
    def dollars(self) -> float:
        """What all sessions cost, as far as the agent tells."""
        return sum(self._dollars.values())

    def rest(self) -> None:
        """A turn is over: what was said in it is whole."""
        if self._said.strip():
            self._log("said", self._said)
        self._said = ""
        self._calls.clear()

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """Something happened over there."""
        self.active = time.monotonic()
        match update:
            case AgentMessageChunk(content=TextContentBlock(text=text)):
                self._said += text
            case ToolCallStart():
                if self._said.strip():
                    self._log("said", self._said)
                    self._said = ""
                self._log("tool", update.title, call=self._known(update))
            case ToolCallProgress(status="failed"):
                call = self._known(update)
                self._log("failed", str(call.get("title")), call=call)
            case ToolCallProgress():
                self._known(update)
            case UsageUpdate(cost=cost) if cost is not None and cost.currency.upper() == "USD":
                self._dollars[session_id] = cost.amount
            case _:
                pass

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """Grant or deny one call, once; a standing permission would be a file in the workspace."""
        self.active = time.monotonic()
        call = self._known(tool_call)
        refusal = self._policy.refusal(call)
        kinds = ("reject_once", "reject_always") if refusal else ("allow_once", "allow_always")
        title = str(call.get("title"))
        if refusal:
            self._log("denied", f"{title}: {refusal}", call=call)
        else:
            self._log("granted", title, call=call)
        for option in (option for kind in kinds for option in options if option.kind == kind):
            chosen = AllowedOutcome(outcome="selected", option_id=option.option_id)
            return RequestPermissionResponse(outcome=chosen)
        return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))

    async def read_text_file(
        self, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> ReadTextFileResponse:
        """Lines of a file of the workspace."""
        self.active = time.monotonic()
        try:
            lines = self._policy.read(path).splitlines(keepends=True)
        except (OSError, WorkspaceError) as error:
            raise RequestError.invalid_params({"path": path, "why": str(error)}) from error
        first = (line or 1) - 1
        last = None if limit is None else first + limit
        return ReadTextFileResponse(content="".join(lines[first:last]))

    async def write_text_file(self, path: str, content: str, **_: Any) -> WriteTextFileResponse:
        """A whole new text for a file of the candidate."""
        self.active = time.monotonic()
        try:
            self._policy.write(path, content)
        except (OSError, WorkspaceError) as error:
            self._log("denied", f"write {path}: {error}")
            raise RequestError.invalid_params({"path": path, "why": str(error)}) from error
        self._log("wrote", path)
        return WriteTextFileResponse()

    def _known(self, call: ToolCallStart | ToolCallUpdate) -> dict[str, Any]:
        """Everything that was told of a call so far."""
        told = call.model_dump(mode="json", by_alias=True, exclude_none=True)
        known = self._calls.setdefault(call.tool_call_id, {})
        known |= told
        return dict(known)
