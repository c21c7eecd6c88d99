"""A climb over MCP each of whose calls meets a bad disk first: `filling.py WORKSPACE PLACE HOW`.

PLACE is on that disk, and HOW is `full` or `read-only`. Prints for each call, as JSON: what it
said where the server starts on that disk, and where it meets it later unless the call was made
before, what `status` then notes, and what it says once the disk is well.
"""

import errno
import json
import os
import subprocess
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


def spoil(place: Path, how: str) -> None:
    """Take the last byte of the disk, or the right to write on it."""
    if how == "full":
        _fill(place / "filler")
    else:  # over it, since nobody takes that right from a file that is open
        subprocess.run(["mount", "--bind", place, place], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)


def mend(place: Path, how: str) -> None:
    """Give it back."""
    if how == "full":
        (place / "filler").unlink()
    else:
        subprocess.run(["umount", "--lazy", place], check=True)


def _fill(filler: Path) -> None:
    rest = os.open(filler, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 16, 1 << 10, 1):
        try:
            while os.write(rest, b"x" * size):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    os.close(rest)


async def main(root: Path, place: Path, how: str) -> dict[str, tuple[list[str], str, str]]:
    """Play, with a server that starts on the disk, one that meets it, and one that does not."""
    engine, found = ScriptedEngine(ONE), dict[str, tuple[list[str], str, str]]()
    waiting = Waiting(patience=lambda _: 60.0, poll_seconds=0.001)

    def client() -> Client:
        return Client(build_server(lambda: Referee.open(root, engine), waiting))

    async with client() as caller:  # which makes the state
        await caller.call_tool("status", {})
    for name, (tool, given) in STEPS.items():
        met: list[str] = []
        for starts_on_it in (True, False):
            if starts_on_it:
                spoil(place, how)
            async with client() as caller:
                if not starts_on_it:
                    await caller.call_tool("status", {})
                    spoil(place, how)
                met.append(said(await caller.call_tool(tool, given)))
                noted = await caller.call_tool("status", {})
            mend(place, how)
            if met[-1] == "done":
                break
        notes = " ".join((noted.structured_content or {}).get("notes", [said(noted)]))
        async with client() as caller:
            again = met[-1] if met[-1] == "done" else said(await caller.call_tool(tool, given))
        found[name] = met, notes, again
    return found


def said(result: CallToolResult) -> str:
    """A refusal's words."""
    return getattr(result.content[0], "text", "") if result.is_error else "done"


_root, _place = map(Path, sys.argv[1:3])
sys.stdout.write(json.dumps(anyio.run(main, _root, _place, sys.argv[3])))
