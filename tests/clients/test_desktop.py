"""Claude Desktop: it installs a bundle, has no file tools, and cuts every call at a wall."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation

from autoagent.server.waiting import UNKNOWN_CLIENT_SECONDS

from .npm import ROOT

DESKTOP = Implementation(name="claude-ai", version="0.1.0")
SCALE = 20
"""So many times faster than at a user's: the server's patience, and the client's walls."""
IMPATIENT = f"""
import sys
from pathlib import Path
from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.waiting import Waiting, patience
waiting = Waiting(lambda client: patience(client) / {SCALE})
build_server(lambda: Referee.open(Path(sys.argv[1])), waiting).run("stdio")
"""


class Desktop:
    """The app: a call that takes longer than `wall` is cut, and the model makes it again."""

    def __init__(self, client: Client, wall: float) -> None:
        self.client, self.wall, self.calls = client, wall, list[str]()

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Make a call, again for as long as what it asked for goes on."""
        while True:
            self.calls.append(tool)
            try:
                result = await self.client.call_tool(
                    tool, arguments, read_timeout_seconds=self.wall
                )
            except MCPError as error:
                assert "imed out" in str(error)
                continue
            assert not result.is_error, result.content
            reply: Any = result.structured_content
            if "phase" in reply:  # else it goes on, and the reply is brief
                return reply


@asynccontextmanager
async def desktop(
    command: str, *arguments: str, wall: float = 60.0, **environment: str
) -> AsyncGenerator[Desktop]:
    """The app with a server that it starts."""
    server = StdioServerParameters(
        command=command, args=list(arguments), env=dict(os.environ) | environment
    )
    async with Client(server, client_info=DESKTOP, mode="legacy") as client:
        yield Desktop(client, wall)


@pytest.mark.slow
async def test_a_climb_without_file_tools_behind_walls_of_60_and_45_seconds(
    make_workspace: Callable[..., Path],
) -> None:
    """Evaluations that last longer than a call are waited for in several, and none runs twice."""
    workspace = make_workspace(
        {"t1": ("question 1", "answer 1"), "t2": ("question 2", "question 2")},
        config="[certify]\npasses = 1\n",
    )
    harness = workspace / "agent.py"
    harness.write_text(harness.read_text().replace('"cp /app', '"sleep 3; cp /app'))
    quiet = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    subprocess.run(["git", "-C", workspace, *quiet, "commit", "-qam", "slow"], check=True)
    command = (sys.executable, "-c", IMPATIENT, str(workspace))
    with anyio.fail_after(120):
        async with desktop(*command, wall=60 / SCALE) as app:
            assert (await app.call("read_file", path="program.md"))["total_lines"]
            await app.call("start_climb", tag="night")
            baseline = await app.call("run_benchmark")
            await app.call("append_result")
        assert app.calls.count("run_benchmark") > 1  # it waited in several calls
        async with desktop(*command, wall=45 / SCALE) as app:
            source = await app.call("read_file", path="agent.py")
            old = re.search(r'"sleep 3; .*"', source["text"])
            assert old
            new = '"sed s/question.1/answer\\\\ 1/ /app/question.txt > /app/answer.txt"'
            await app.call("edit_file", path="agent.py", old=old[0], new=new)
            await app.call("edit_file", path=".agent/skills/n.md", old="", new="Sed.")
            await app.call("commit_candidate", description="answers the first question")
            measured = await app.call("run_benchmark")
            row = (await app.call("append_result"))["row"]
            over = await app.call("finish_climb")
    assert (baseline["evaluation"], measured["evaluation"]) == ("e3", "e4")  # after oracle, no-op
    assert (row["status"], row["passed"], over["phase"]) == ("keep", "2/2", "finished")


def test_patience_leaves_room_below_the_wall() -> None:
    """An answer at 45.0 s is cut by a wall of 45 s."""
    assert UNKNOWN_CLIENT_SECONDS <= 40.0


@pytest.mark.slow
async def test_the_bundle_is_valid_and_serves_a_workspace(
    make_workspace: Callable[..., Path], tmp_path: Path
) -> None:
    """`make mcpb` has it checked by the tool of its makers; then it starts as the app starts it."""
    uv = shutil.which("uv", path=f"{os.environ['PATH']}{os.pathsep}{ROOT / '.tools/bin'}")
    if shutil.which("npx") is None or uv is None:
        pytest.skip("the bundle is packed by npx and started by uv; one is not installed")
    made = subprocess.run(["make", "mcpb"], cwd=ROOT, capture_output=True, text=True, check=False)
    if "npm error" in made.stderr:
        pytest.skip(f"npm could not fetch the packer: {made.stderr[-300:]}")
    assert "Manifest schema validation passes!" in made.stdout, made.stdout + made.stderr
    with zipfile.ZipFile(ROOT / "dist/autoagent.mcpb") as bundle:
        bundle.extractall(tmp_path / "bundle")
    manifest = json.loads((tmp_path / "bundle/manifest.json").read_text())
    given = {
        "${__dirname}": str(tmp_path / "bundle"),
        "${user_config.workspace}": str(make_workspace()),
    }

    def filled(text: str) -> str:
        for name, value in given.items():
            text = text.replace(name, value)
        return text

    start = manifest["server"]["mcp_config"]
    # uv takes no virtual environment's Python for a tool.
    path = os.pathsep.join((f"{sys.base_prefix}/bin", os.environ["PATH"], str(Path(uv).parent)))
    with anyio.fail_after(120):
        async with desktop(start["command"], *map(filled, start["args"]), PATH=path) as app:
            assert (await app.call("status"))["phase"] == "new"
