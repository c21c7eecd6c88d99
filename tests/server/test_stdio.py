"""The server as clients really start it: a process, two pipes, and no goodbye."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from autoagent.evidence.events import TrialStarted, WorkerStarted
from autoagent.evidence.journal import Journal

from .callers import Caller, edit

SERVE = ["-m", "autoagent", "serve", "--workspace"]
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@asynccontextmanager
async def serving(workspace: Path, mode: str = "auto") -> AsyncGenerator[Caller]:
    parameters = StdioServerParameters(
        command=sys.executable, args=[*SERVE, str(workspace)], env=dict(os.environ)
    )
    async with Client(parameters, mode=mode) as client:
        yield Caller(client)


class Raw:
    """A server process spoken to line by line."""

    def __init__(self, workspace: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *SERVE, str(workspace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._id = 0

    def ask(self, method: str, **parameters: Any) -> Any:
        """A request's answer; notifications in between are passed over."""
        assert self.process.stdin and self.process.stdout
        self._id += 1
        request = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": parameters}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._id:
                return answer
        raise AssertionError("the server hung up")

    def call(self, tool: str, **arguments: Any) -> Any:
        """The structured reply of a tool."""
        return self.ask("tools/call", name=tool, arguments=arguments)["result"]["structuredContent"]


@pytest.fixture
def raw(workspace: Path) -> Iterator[Raw]:
    """A server that has been greeted."""
    server = Raw(workspace)
    server.ask("initialize", **HELLO)
    yield server
    server.process.kill()
    server.process.communicate()


@pytest.mark.both_eras
async def test_both_eras_are_served_over_stdio(workspace: Path, mode: str) -> None:
    async with serving(workspace, mode) as caller:
        assert len((await caller.client.list_tools()).tools) == 13
        assert (await caller.ask("status"))["phase"] == "new"
        assert "Next: start_climb(tag)." in await caller.refused("run_benchmark")


def test_only_the_protocol_is_on_stdout_and_logs_are_plain_lines(raw: Raw) -> None:
    assert raw.call("status")["phase"] == "new"
    refused = raw.ask("tools/call", name="status", arguments={"x": 1})
    assert refused["result"]["isError"] is True
    rest, logs = raw.process.communicate(timeout=20)
    assert [json.loads(line) for line in rest.splitlines()] == []
    assert "\x1b" not in logs
    assert "╭" not in logs


def test_the_server_ends_when_its_client_hangs_up(raw: Raw) -> None:
    raw.call("status")
    raw.process.communicate(timeout=20)
    assert raw.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_at_once_and_leaves_the_workspace_free(
    raw: Raw, workspace: Path, number: signal.Signals
) -> None:
    """Claude Code sends SIGINT, 100 ms later SIGTERM, 400 ms later SIGKILL."""
    raw.call("status")
    raw.process.send_signal(number)
    raw.process.wait(timeout=2)
    other = Raw(workspace)
    try:
        other.ask("initialize", **HELLO)
        assert other.call("status")["phase"] == "new"
    finally:
        other.process.kill()
        other.process.communicate()


def test_a_broken_workspace_is_told_by_its_tools(raw: Raw, tmp_path: Path) -> None:
    """A server that ended would only leave its client without tools."""
    other = Raw(tmp_path / "nowhere")
    try:
        other.ask("initialize", **HELLO)
        answer = other.ask("tools/call", name="status", arguments={})["result"]
        assert answer["isError"] is True
        assert "nowhere does not exist" in answer["content"][0]["text"]
    finally:
        other.process.kill()
        other.process.communicate()


@pytest.mark.slow
async def test_an_evaluation_outlives_a_killed_server_and_is_rejoined(workspace: Path) -> None:
    """Real workers, real sandboxes: nothing that was measured is measured again."""
    harness = workspace / "agent.py"
    harness.write_text(harness.read_text().replace('"cp /app', '"sleep 2; cp /app'))
    subprocess.run(["git", "-C", workspace, "-c", "user.name=t", "-c", "user.email=t@localhost",
                    "commit", "-qam", "slow"], check=True)  # fmt: skip
    async with serving(workspace) as caller:
        await caller.settled("start_climb", tag="night")
    state, evaluation = await anyio.to_thread.run_sync(kill_while_measuring, workspace)
    with anyio.fail_after(120):
        async with serving(workspace) as caller:
            reply = await caller.settled("run_benchmark")
            await caller.ask("append_result")
            edit(workspace)
            assert (await caller.ask("commit_candidate", description="x"))["phase"] == "committed"
    assert (reply["evaluation"], reply["state"]) == (evaluation, "complete")
    assert reply["score"]["expected"] == 4
    with closing(Journal(state / "journal.sqlite3", read_only=True)) as journal:
        assert len(journal.about(evaluation, WorkerStarted)) == 1
        assert len(journal.about(evaluation, TrialStarted)) == 8


def kill_while_measuring(workspace: Path) -> tuple[Path, str]:
    """Kill a server that waits for a running evaluation; its state directory and the evaluation."""
    server = Raw(workspace)
    try:
        server.ask("initialize", **HELLO)
        assert server.process.stdin and server.process.stdout
        meta = {"progressToken": 7}
        call = {"name": "run_benchmark", "arguments": {}, "_meta": meta}
        request = {"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": call}
        server.process.stdin.write(json.dumps(request) + "\n")
        server.process.stdin.flush()
        told = json.loads(server.process.stdout.readline())
        assert told["method"] == "notifications/progress"
        state = Path(server.call("status")["state_directory"])
        evaluation = server.call("status")["running"].split()[0]
    finally:
        server.process.kill()
        server.process.communicate()
    return state, evaluation
