"""Options that many commands have."""

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        help="The workspace.", show_default="$CLAUDE_PROJECT_DIR, else the current directory"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
