"""Commands about a climb that was played: what it is worth, what it did, how it is taken over."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from autoagent.commands.options import JsonOption, WorkspaceOption
from autoagent.commands.serve import for_people, workspace_root
from autoagent.errors import WorkspaceError

if TYPE_CHECKING:
    from autoagent.report.story import Story


def certify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Measure a finished climb's champion against its baseline, afresh; once, at your own cost.

    The meta-agent's finish_climb does it within the budget. This is for a climb that had none left.
    """
    from autoagent.commands import certify, terminal
    from autoagent.referee.worth import edits_worth, taking_over, worth
    from autoagent.server.waiting import sentence

    with terminal.console(stderr=True).status("") as line:
        status = certify.certify(
            workspace_root(workspace),
            lambda progress: line.update(terminal.plain(sentence(progress))),
        )
    found = status.certificate
    if as_json:
        facts = found and found.model_dump(mode="json")
        typer.echo(json.dumps({"ok": found is not None, "certificate": facts}, indent=1))
    else:
        for told in (worth(status), *edits_worth(found), taking_over(status)):
            if told:
                typer.echo(told)
    raise typer.Exit(0 if found else 1)


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Where the climb stands: what the tool of this name tells a client. Reads only."""
    from autoagent.commands import standing

    root = workspace_root(workspace)
    typer.echo(
        json.dumps(standing.facts(root), indent=1) if as_json else standing.told(root, for_people)
    )


def report(
    workspace: WorkspaceOption = None,
    tasks: Annotated[
        bool, typer.Option("--tasks", help="Scores, task by task and candidate by candidate.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell the morning after: what the last climb is worth, and a page that shows it.

    The page is `.autoagent/report.html`, a picture of the climb `.autoagent/progress.png`. The
    server writes both by itself as the climb goes on. Reads only, otherwise.
    """
    from autoagent.commands.report import report as reported
    from autoagent.commands.standing import task_table

    root = workspace_root(workspace)
    if tasks:
        typer.echo(task_table(root))
        return
    told, page = reported(root)
    if as_json:
        typer.echo(json.dumps(asdict(told) | {"page": str(page)}, indent=1))
    else:
        from autoagent.commands import terminal

        terminal.print_story(terminal.console(), told, page)


def promote(
    workspace: WorkspaceOption = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave this kept edit out; may be given again.")
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="One branch for each kept edit.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what is not READY.")] = False,
) -> None:
    """Make a branch of the last climb's champion, to review, with the evidence in its commit.

    A human's decision: you are asked at a terminal. Nothing is merged, pushed or deployed.
    """
    from autoagent.commands.promote import promote as promoted

    if not sys.stdin.isatty():
        raise WorkspaceError("To promote is a human's decision, typed at a terminal.")

    def ask(told: "Story") -> str:
        typer.echo(f"{told.headline}: {told.sentence}")
        return typer.prompt(f"Type the climb's tag ({told.tag}) to make the branch", default="")

    root, left = workspace_root(workspace), without or ()
    for branch in promoted(root, ask, leave_out=left, split=split, force=force):
        for note in branch.notes:
            typer.echo(note)
        if branch.name:
            typer.echo(f"made     {branch.name} at {branch.commit[:7]}")


def verify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Replay the journal and compare it with what is claimed. Reads only."""
    from autoagent.commands.verify import replayed

    found = replayed(workspace_root(workspace))
    if as_json:
        facts = found.model_dump(mode="json", exclude={"position"})
        typer.echo(json.dumps({"ok": not found.problems, **facts}, indent=1))
    else:
        from autoagent.commands import terminal

        terminal.print_audit(terminal.console(), found)
    raise typer.Exit(1 if found.problems else 0)


def export(workspace: WorkspaceOption = None, as_json: JsonOption = True) -> None:
    """Print what the journal holds: climbs, tier, candidates, trials, verdicts, head. JSON only."""
    from autoagent.commands.export import export as exported

    typer.echo(json.dumps(exported(workspace_root(workspace)), indent=1 if as_json else None))
