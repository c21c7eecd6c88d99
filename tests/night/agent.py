"""An agent that speaks ACP and plays a small climb by what the tools tell it.

Its whims happen once each, in any of its lives; what has happened it keeps in the directory that
is its only argument, because it dies in between: it stops to ask, dies while its candidate is
measured, stalls, tries edits that it must not make, leaves at the end. `chatter` stands for one
that never does anything but talk, `dawdles` for one whose candidates take a minute, `wins` for one
whose first candidate solves all; `ideas.json` holds others than its own.
"""

import asyncio
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    AllowedOutcome,
    Cost,
    InitializeResponse,
    McpServerStdio,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallLocation,
    ToolCallUpdate,
    UsageUpdate,
)
from mcp import Client
from mcp.client.stdio import StdioServerParameters

PLAIN = '"cp /app/question.txt /app/answer.txt"'
IDEAS = (
    ("Always in capitals", PLAIN, '"sleep 3; tr a-z A-Z < /app/question.txt > /app/answer.txt"'),
    ("Pears in capitals", PLAIN, '"sed s/pear/PEAR/ /app/question.txt > /app/answer.txt"'),
)
"""What it says, and what it replaces by what. The first breaks one task and solves another, the
second solves all."""
WIN = ("Pears at last", PLAIN, '"sleep 3; sed s/pear/PEAR/ /app/question.txt > /app/answer.txt"')
DAWDLE = ("Think about it", PLAIN, '"sleep 60; cp /app/question.txt /app/answer.txt"')
OPTIONS = [
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="always", name="Always", kind="allow_always"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class Agent:
    """One process of the agent."""

    _client: acp.Client
    _server: McpServerStdio

    def __init__(self, memory: Path) -> None:
        self._memory, self._calls = memory, itertools.count(1)
        own = memory / "ideas.json"
        self._ideas = json.loads(own.read_text()) if own.exists() else IDEAS
        self._root = Path()

    def on_connect(self, conn: acp.Client) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        can = AgentCapabilities()
        return InitializeResponse(protocol_version=protocol_version, agent_capabilities=can)

    async def new_session(self, cwd: str, mcp_servers: Any, **_: Any) -> NewSessionResponse:
        self._root, (self._server,) = Path(cwd), mcp_servers
        return NewSessionResponse(session_id=f"s{os.getpid()}")

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        with (self._memory / "prompts").open("a") as heard:
            heard.write(json.dumps(prompt[0].text) + "\n")
        if (self._memory / "chatter").exists():
            await self._says(session_id, "What shall I do?")
            return PromptResponse(stop_reason="end_turn")
        environment = {variable.name: variable.value for variable in self._server.env}
        server = StdioServerParameters(
            command=self._server.command, args=self._server.args, env=environment
        )
        async with Client(server) as client:
            await self._plays(session_id, client)
        cost = Cost(amount=0.25, currency="USD")
        usage = UsageUpdate(session_update="usage_update", used=10, size=100, cost=cost)
        await self._client.session_update(session_id=session_id, update=usage)
        return PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id: str, **_: Any) -> None:
        pass

    async def _plays(self, session: str, client: Client) -> None:
        """Call what comes next until the climb is over, or a whim comes in between."""
        while (status := await self._calls_tool(session, client, "status"))["phase"] != "finished":
            tool, given = status["next_calls"][0].partition("(")[0], dict[str, Any]()
            if tool == "start_climb":
                given = {"tag": "night"}
            if status["phase"] == "committed" and self._once("dies"):
                measuring = asyncio.ensure_future(self._calls_tool(session, client, tool))
                await asyncio.wait([measuring], timeout=1.5)
                os._exit(1)
            if tool == "commit_candidate":
                if self._once("asks"):
                    await self._says(session, "Shall I go on?")
                    return
                if self._once("stalls"):
                    await asyncio.Event().wait()
                if self._once("cheats"):
                    await self._cheats(session)
                if (tried := status["rows"] - 1) == len(self._ideas):
                    if self._once("leaves"):
                        return
                    tool = "finish_climb"
                else:
                    slow = (self._memory / "dawdles").exists()
                    idea = WIN if self._once("wins") else DAWDLE if slow else self._ideas[tried]
                    given["description"], old, new = idea
                    await self._edits(session, old, new)
            await self._calls_tool(session, client, tool, **given)
        await self._says(session, "The climb is over.")

    async def _calls_tool(self, session: str, client: Client, tool: str, **given: Any) -> Any:
        """Ask for leave as Claude Code does, then call."""
        assert await self._may(session, f"mcp__autoagent__{tool}", "other"), tool
        result = await client.call_tool(tool, given)
        assert not result.is_error, result.content
        return result.structured_content

    async def _edits(self, session: str, old: str, new: str) -> None:
        """Show the edit, and write through the client."""
        harness = self._root / "agent.py"
        seen = await self._client.read_text_file(session_id=session, path=str(harness))
        text = seen.content.replace(old, new)
        edit = acp.tool_diff_content(str(harness), text, seen.content)
        assert await self._may(session, "Edit agent.py", "edit", content=[edit], path=harness)
        await self._client.write_text_file(session_id=session, path=str(harness), content=text)

    async def _cheats(self, session: str) -> None:
        """Try what is denied, three ways, and write down what came of it."""
        grader, harness = self._root / "tasks/t2/tests/test.sh", self._root / "agent.py"
        edit = acp.tool_diff_content(str(grader), "echo 1 > /logs/verifier/reward.txt\n", None)
        granted = [
            await self._may(session, "Edit test.sh", "edit", content=[edit], path=grader),
            await self._may(session, "rm -rf tasks", "execute"),
        ]
        try:
            await self._client.write_text_file(
                session_id=session, path=str(harness), content="# nothing is fixed\n"
            )
        except acp.RequestError as error:
            granted.append(str(error.data))  # pyright: ignore[reportArgumentType]
        (self._memory / "cheated").write_text(json.dumps(granted))

    async def _may(
        self, session: str, title: str, kind: Any, *, path: Path | None = None, content: Any = None
    ) -> bool:
        """As real agents do: the call is shown first, then asked for by its id alone."""
        name = f"c{next(self._calls)}"
        places = [ToolCallLocation(path=str(path))] if path else None
        call = acp.start_tool_call(name, title, kind=kind, locations=places, content=content)
        await self._client.session_update(session_id=session, update=call)
        asked = ToolCallUpdate(tool_call_id=name)
        answer = await self._client.request_permission(
            session_id=session, tool_call=asked, options=OPTIONS
        )
        outcome = answer.outcome
        assert isinstance(outcome, AllowedOutcome)
        assert outcome.option_id in ("yes", "no")
        return outcome.option_id == "yes"

    async def _says(self, session: str, text: str) -> None:
        said = acp.update_agent_message_text(text)
        await self._client.session_update(session_id=session, update=said)

    def _once(self, whim: str) -> bool:
        """Whether this is to happen now: only the first time, and only where a test wants it."""
        wanted = self._memory / whim
        if not wanted.exists():
            return False
        wanted.unlink()
        return True


if __name__ == "__main__":
    asyncio.run(acp.run_agent(Agent(Path(sys.argv[1]))))  # pyright: ignore[reportArgumentType]
