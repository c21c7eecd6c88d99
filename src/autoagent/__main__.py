"""`autoagent` and `python -m autoagent`.

A client waits for `autoagent serve`, so its plain forms start the server before the rest
of the command line is imported. Everything else, help and mistakes included, is in `cli`.
"""

import os
import sys
from pathlib import Path


def workspace_root(given: Path | None) -> Path:
    """The workspace a command is about: the one it names, else the client's project, else here."""
    return given or Path(os.environ.get("CLAUDE_PROJECT_DIR") or Path.cwd())


def serve(given: Path | None) -> None:
    """Serve one workspace over stdio until the client hangs up."""
    from autoagent.errors import AutoAgentError
    from autoagent.server.app import serve as serve_stdio

    try:
        serve_stdio(workspace_root(given))
    except AutoAgentError as error:
        sys.stderr.write(f"autoagent: {' '.join(str(error).split())}\n")
        sys.exit(2)


def main() -> None:
    """Start the server, or hand over to the command line."""
    match sys.argv[1:]:
        case ["serve"]:
            serve(None)
        case ["serve", "--workspace", given] if not given.startswith("-"):
            serve(Path(given))
        case _:
            from autoagent.cli import app

            app()


if __name__ == "__main__":
    main()
