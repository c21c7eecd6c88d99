"""`autoagent` and `python -m autoagent`.

A client waits for `autoagent serve` and `autoagent hook`, so their plain forms start before the
rest of the command line is imported. Everything else, help and mistakes included, is in `cli`.
"""

import sys
from pathlib import Path


def main() -> None:
    """Start the server, or hand over to the command line."""
    match sys.argv[1:]:
        case ["serve"]:
            from autoagent.commands.during.serve import serve

            serve(None)
        case ["serve", "--workspace", given] if not given.startswith("-"):
            from autoagent.commands.during.serve import serve

            serve(Path(given))
        case ["hook"]:
            from autoagent.commands.during.hook import main as hook

            hook()
        case _:
            from autoagent.commands.cli import app

            app()


if __name__ == "__main__":
    main()
