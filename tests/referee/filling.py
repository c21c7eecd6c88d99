"""A climb over MCP each of whose calls meets a full disk first: `filling.py WORKSPACE PLACE`.

PLACE is on that disk. Prints for each call, as JSON: what it said, what `status` then notes, and
what it says once there is room and another server is started.
"""

import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import CallToolResult

from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.waiting import Waiting
from autoagent.worker.scripted import ScriptedEngine

ONE = {"t1": [1.0]}
LONGER = {"path": "agent.py", "old": "MAX_TURNS = 3", "new": f"MAX_TURNS = 4  # {'x' * 9000}"}
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "start_climb": ("start_climb", {"tag": "night"}),
    "run_benchmark": ("run_benchmark", {}),
    "append_result": ("append_result", {"description": "baseline"}),
    "edit_file": ("edit_file", LONGER),
    "commit_candidate": ("commit_candidate", {"description": "longer"}),
    "measure": ("run_benchmark", {}),
    "discard": ("append_result", {}),
}


def fill(place: Path) -> Path:
    """Take the last byte of the disk."""
    filler = place / "filler"
    rest = os.open(filler, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 16, 1 << 10, 1):
        try:
            while os.write(rest, b"x" * size):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    os.close(rest)
    return filler


async def main(root: Path, place: Path) -> dict[str, tuple[str, str, str]]:
    """Play, with a server that met the disk and then one that did not."""
    engine, found = ScriptedEngine(ONE), dict[str, tuple[str, str, str]]()
    waiting = Waiting(patience=lambda _: 60.0, poll_seconds=0.001)

    def client() -> Client:
        return Client(build_server(lambda: Referee.open(root, engine), waiting))

    for name, (tool, given) in STEPS.items():
        async with client() as caller:
            await caller.call_tool("status", {})
            filler = fill(place)
            first = said(await caller.call_tool(tool, given))
            noted = (await caller.call_tool("status", {})).structured_content or {}
            filler.unlink()
        async with client() as caller:
            again = first if first == "done" else said(await caller.call_tool(tool, given))
        found[name] = first, " ".join(noted.get("notes", [])), again
    return found


def said(result: CallToolResult) -> str:
    """A refusal's words."""
    return getattr(result.content[0], "text", "") if result.is_error else "done"


sys.stdout.write(json.dumps(anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]))))
