"""Options that many commands have."""

from collections.abc import Callable
from enum import StrEnum
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


class Fate(StrEnum):
    """What became of an evaluation that nothing rests on."""

    DISCARD = "discard"
    CRASH = "crash"
    SUBSET = "subset"


def bounded(low: int, high: int) -> Callable[[int], int]:
    """A number that is refused, and named, outside of these bounds."""

    def check(value: int) -> int:
        if not low <= value <= high:
            raise typer.BadParameter(f"{value} is not in {low}..{high}.")
        return value

    return check
