"""The commands about tasks before a climb: what others wrote, and what a reviewer would say."""

import json
from pathlib import Path
from typing import Annotated

import typer

from autoagent.commands.during.serve import workspace_root
from autoagent.commands.options import JsonOption, WorkspaceOption


def adopt(
    directory: Annotated[Path, typer.Argument(help="Where tasks lie, at any depth.")],
    workspace: WorkspaceOption = None,
    look: Annotated[bool, typer.Option("--look", help="Copy nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy tasks that others wrote, and say of each where it runs and why not elsewhere."""
    from autoagent.commands.before.adopt import adopt as adopt_tasks

    found = adopt_tasks(workspace_root(workspace), directory, copy=not look)
    if as_json:
        typer.echo(json.dumps({"tasks": [one.model_dump() for one in found]}, indent=1))
    else:
        from autoagent.commands import terminal

        out = terminal.console()
        out.print(terminal.adopted_table(found, out.width))
        here = sum(one.state != "left" for one in found)
        typer.echo(f"{here} of {len(found)} tasks are in the workspace. Next: `autoagent doctor`.")
    raise typer.Exit(0 if look or any(one.state != "left" for one in found) else 1)


def review(
    workspace: WorkspaceOption = None,
    times: Annotated[
        int, typer.Option(help="How often each oracle and no-op runs.", min=1, max=50)
    ] = 3,
    gain: Annotated[
        float | None, typer.Option(help="The gain you hope for, in points.", min=1, max=100)
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read", help="Only read the files; run no trial.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a reviewer would of the tasks, held-out ones too, each line with its fix.

    Runs every oracle and a no-op several times, a dozen cheap wrong agents, and the answers that
    an answers.toml gives: whatever passes that should not is named. Exit code 1 where it finds
    something.
    """
    from autoagent.commands import terminal
    from autoagent.commands.before.review import Review

    asked = Review(workspace_root(workspace), times, gain)
    if read_only:
        found = asked.read()
    else:
        typer.echo(asked.announcement, err=True)
        with terminal.console(stderr=True).status("") as line:
            found = asked.play(line.update)
    if as_json:
        faults = [fault.model_dump() for fault in found.faults]
        facts = {"trials": found.trials, "power": found.power, "faults": faults}
        typer.echo(json.dumps({"ok": not faults, **facts}, indent=1))
    else:
        terminal.print_review(terminal.console(), found)
    raise typer.Exit(130 if found.cancelled else 1 if found.faults else 0)
