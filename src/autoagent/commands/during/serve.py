"""`autoagent serve`, apart from the rest of the command line, because a client waits for it."""

import os
import re
import sys
from pathlib import Path

from autoagent.errors import AutoAgentError

_TOOL_CALL = re.compile(r"\b[a-z]+(?:_[a-z]+)*\(")


def workspace_root(given: Path | None) -> Path:
    """The workspace a command is about: the one it names, else the client's project, else here."""
    return given or Path(os.environ.get("CLAUDE_PROJECT_DIR") or Path.cwd())


def serve(given: Path | None) -> None:
    """Serve one workspace over stdio until the client hangs up; a refusal is one line, exit 2."""
    from autoagent.server.app import serve as serve_stdio

    try:
        serve_stdio(workspace_root(given))
    except AutoAgentError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        sys.exit(2)


def refusal(error: AutoAgentError) -> str:
    """An error as the command line tells it: one line."""
    told = error.message
    if error.next_call:
        told += f" Next: {for_people(error.next_call)}."
    return f"autoagent: {' '.join(told.split())}"


def for_people(step: str) -> str:
    """A next step as people take it: what is a tool call to a client is a command, or the client's.

    `status()` has a command; what moves a climb is done from a client, and is said to be.
    """
    step = step.removeprefix("tell the human: ").removeprefix("tell the human to ")
    if step in ("status()", "status"):
        return "`autoagent status`"
    if "morning_report" in step:
        return "`autoagent report`"
    if _TOOL_CALL.search(step) and "client" not in step:
        return f"{step}, from the client that `autoagent serve` serves"
    return step
