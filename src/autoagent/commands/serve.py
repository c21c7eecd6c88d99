"""`autoagent serve`, apart from the rest of the command line, because a client waits for it."""

import os
import sys
from pathlib import Path

from autoagent.errors import AutoAgentError


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
    return f"autoagent: {' '.join(str(error).split())}"
