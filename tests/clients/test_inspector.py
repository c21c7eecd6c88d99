"""MCP Inspector's command line: each call starts a server of its own, and the climb goes on."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import npm

(LINE,) = [
    line for line in (npm.ROOT / "docs/clients.md").read_text().splitlines()
    if line.startswith("npx @modelcontextprotocol/inspector ")
]  # fmt: skip
MOST_CALLS = 60


class Inspector:
    """The page's line in a workspace, with another method behind it; the package is pinned."""

    def __init__(self, workspace: Path) -> None:
        """What it asks for is not fetched yet."""
        try:
            path = npm.path_with(npm.INSPECTOR)
        except LookupError as missing:
            pytest.skip(str(missing))
        ours = Path(sys.executable).parent
        self.env = os.environ | {"PATH": f"{ours}{os.pathsep}{path}"}
        self.workspace = workspace
        self.command = ["mcp-inspector", *shlex.split(LINE)[2:]]

    def ask(self, *method: str) -> dict[str, Any]:
        """What a method answers."""
        command = [*self.command[:-1], *method]
        done = subprocess.run(
            command, cwd=self.workspace, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def call(self, tool: str, **arguments: str) -> dict[str, Any]:
        """A tool's reply, asked for until it runs no more."""
        given = [word for each in arguments.items() for word in ("--tool-arg", "=".join(each))]
        told: dict[str, Any] = {"state": "running"}
        for _ in range(MOST_CALLS):
            reply = self.ask("tools/call", "--tool-name", tool, *given)
            assert not reply["isError"], reply
            told = reply["structuredContent"]
            if told.get("state") != "running":
                break
        return told


@pytest.mark.slow
def test_a_climb_is_played_by_inspector_call_by_call(
    make_workspace: Callable[..., Path],
) -> None:
    tasks = {"t1": ("question 1", "answer 1"), "t2": ("question 2", "no")}
    workspace = make_workspace(tasks, config="[certify]\npasses = 1\n")
    inspector = Inspector(workspace)
    names = {tool["name"] for tool in inspector.ask(inspector.command[-1])["tools"]}
    assert {"start_climb", "run_benchmark", "commit_candidate", "finish_climb"} <= names

    inspector.call("start_climb", tag="night")
    assert inspector.call("run_benchmark")["score"]["passed"] == 0
    inspector.call("append_result")
    harness = workspace / "agent.py"
    edited = harness.read_text().replace(
        "cp /app/question.txt", "sed s/question/answer/ /app/question.txt >"
    )
    harness.write_text(edited)
    inspector.call("commit_candidate", description="answers")
    inspector.call("run_benchmark")
    assert inspector.call("append_result")["row"]["status"] == "keep"
    finished = inspector.call("finish_climb")

    assert finished["phase"] == "finished"
    assert "Certified" in finished["message"] or "certified" in finished["message"]
