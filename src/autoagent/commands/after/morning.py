"""Commands about a climb that was played: what it is worth, what it did, how it is taken over."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from autoagent.commands.during.serve import for_people, workspace_root
from autoagent.commands.options import JsonOption, WorkspaceOption
from autoagent.errors import WorkspaceError

if TYPE_CHECKING:
    from autoagent.report.story import Story


def certify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Measure a finished climb's champion against its baseline, afresh; once, at your own cost.

    The meta-agent's finish_climb does it within the budget. This is for a climb that had none left.
    """
    from autoagent.commands import terminal
    from autoagent.commands.during import certify
    from autoagent.referee.ending.worth import edits_worth, taking_over, worth
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
    from autoagent.commands.after import standing

    root = workspace_root(workspace)
    typer.echo(
        json.dumps(standing.facts(root), indent=1) if as_json else standing.told(root, for_people)
    )


def report(
    workspace: WorkspaceOption = None,
    tasks: Annotated[
        bool, typer.Option("--tasks", help="Scores, task by task and candidate by candidate.")
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Print the page, and write nothing.")
    ] = False,
    framed: Annotated[bool, typer.Option("--framed", hidden=True)] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell the morning after: what the last climb is worth, and a page that shows it.

    The page is `.autoagent/report.html`, a picture of the climb `.autoagent/progress.png`. The
    server writes both by itself as the climb goes on. Reads only, otherwise.
    """
    from autoagent.commands.after.report import html as page_of
    from autoagent.commands.after.report import report as reported
    from autoagent.commands.after.standing import task_table

    root = workspace_root(workspace)
    if tasks:
        typer.echo(task_table(root))
        return
    if html:
        typer.echo(page_of(root, framed=framed), nl=False)
        return
    told, page = reported(root)
    if as_json:
        typer.echo(json.dumps(asdict(told) | {"page": str(page)}, indent=1))
    else:
        from autoagent.commands import terminal
        from autoagent.commands.after import printing

        printing.print_story(terminal.console(), told, page)


CommitArgument = Annotated[
    str | None, typer.Argument(help="A candidate: the first letters of its commit.")
]


def show(
    commit: CommitArgument = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Tell what a candidate changed, what it did and why it fell; by default the best. Reads only.

    Its tasks are held against those of the incumbent that it was made from.
    """
    from autoagent.commands.after.show import show as shown

    told, lines = shown(workspace_root(workspace), commit)
    if as_json:
        typer.echo(json.dumps(asdict(told) | {"diff": lines}, indent=1))
    else:
        from autoagent.commands import terminal
        from autoagent.commands.after import printing

        printing.print_candidate(terminal.console(), told, lines)


def diff(
    commit: CommitArgument = None,
    best: Annotated[
        bool, typer.Option("--best", help="The best of the last climb, against its baseline.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Print every line that a candidate changed of the incumbent it was made from. Reads only."""
    from autoagent.commands import terminal
    from autoagent.commands.after import printing
    from autoagent.commands.after.show import patch

    lines = patch(workspace_root(workspace), commit, best=best)
    printing.print_diff(terminal.console(), lines)


def try_case(
    question: Annotated[str | None, typer.Argument(help="The case; else you are asked.")] = None,
    workspace: WorkspaceOption = None,
    like: Annotated[
        str | None,
        typer.Option(help="Its environment is this task's.", show_default="the climb's first"),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether the price is right.")
    ] = False,
) -> None:
    """Give champion and baseline a case that no task has, and show what both do; nothing is judged.

    It costs what two trials cost, which is told before. At a terminal you may ask again.
    """
    from autoagent.commands import terminal
    from autoagent.commands.after import printing
    from autoagent.commands.after.unseen import Unseen

    unseen = Unseen(workspace_root(workspace), like)
    out, asked = terminal.console(), sys.stdin.isatty()
    out.print(
        terminal.plain(f"{', '.join(unseen.sides)}, in the environment of {unseen.like.name}")
    )
    out.print(terminal.plain(f"model    {unseen.model}"))
    out.print(terminal.plain(f"cost     {unseen.price}"))
    if not yes and not asked:
        raise WorkspaceError("Nobody can be asked whether that is right.", "--yes")
    while question or asked:
        question = question or typer.prompt("Case (empty ends)", default="", show_default=False)
        if not question or not (yes or typer.confirm("Run it?", default=True)):
            return
        with out.status("") as line:
            found = unseen.ask(
                question, lambda seen: line.update(f"{len(seen.trials)} of {seen.expected} ended")
            )
        printing.print_try(out, found)
        typer.echo("`autoagent new-task --from-try` makes a task of it.")
        question = None


def new_task(
    name: Annotated[str | None, typer.Argument(help="The task's name.")] = None,
    from_try: Annotated[
        bool, typer.Option("--from-try", help="The case that was tried last.")
    ] = False,
    from_trial: Annotated[
        str | None, typer.Option(help="A trial of the last climb, such as e3.some-task.1.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a task of a case that was seen; its verifier passes nothing until you write it."""
    from autoagent.commands.after.new_task import new_task as made
    from autoagent.workspace.tasks.skeleton import UNWRITTEN

    if from_try == (from_trial is not None):
        raise WorkspaceError("Say what it is made from.", "--from-try, or --from-trial ID")
    place = made(workspace_root(workspace), name, from_trial)
    typer.echo(f"made     {place}")
    typer.echo(f"{place / UNWRITTEN}")
    typer.echo(f"Then `autoagent doctor`, and `autoagent run --tasks {place.name}`.")


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
    from autoagent.commands.after.promote import promote as promoted

    if not sys.stdin.isatty():
        raise WorkspaceError(
            "To promote is a human's decision, typed at a terminal, and stdin is none.",
            "`autoagent promote` in a terminal of your own",
        )

    def ask(told: "Story") -> str:
        typer.echo(f"{told.headline}: {told.sentence}")
        return typer.prompt(f"Type the climb's tag ({told.tag}) to make the branch", default="")

    root, left = workspace_root(workspace), without or ()
    for branch in promoted(root, ask, leave_out=left, split=split, force=force):
        for note in branch.notes:
            typer.echo(note)
        if branch.name:
            typer.echo(f"made     {branch.name} at {branch.commit[:7]}")


def cost(
    workspace: WorkspaceOption = None,
    candidates: Annotated[
        int, typer.Option(min=0, help="How many the meta-agent will propose.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Tell what a night here would cost, by what the trials of the last climb have cost.

    The tasks and the rules are those that stand in the workspace now. Nothing is measured.
    """
    from autoagent.commands.after.verify import journal_of
    from autoagent.commands.before.suite import host_for, usable
    from autoagent.referee.candidates import baseline_draft
    from autoagent.report.forecast import forecast
    from autoagent.report.played import climbs_of
    from autoagent.workspace.layout import open_workspace

    opened = open_workspace(workspace_root(workspace))
    with journal_of(opened) as journal:
        climb = climbs_of(journal)[-1]
    tasks, held_out = usable(opened, host_for(opened, lambda: baseline_draft(opened)))
    found = forecast(climb, opened.config, tasks, held_out, candidates)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=1))
    else:
        from autoagent.commands import terminal
        from autoagent.commands.after import printing

        printing.print_forecast(terminal.console(), found, candidates)


def verify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Replay the journal and compare it with what is claimed. Reads only."""
    from autoagent.commands.after.verify import replayed

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
    from autoagent.commands.after.export import export as exported

    typer.echo(json.dumps(exported(workspace_root(workspace)), indent=1 if as_json else None))


def watch(
    workspace: WorkspaceOption = None,
    port: Annotated[
        int, typer.Option(help="Of 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 8391,
    tell: Annotated[
        bool, typer.Option("--tell", help="Tell night.webhook and the desktop what cannot wait.")
    ] = False,
) -> None:
    """Serve the report's page live to a browser on this machine, until it is interrupted.

    Trials appear as they end. It reads beside a running server, and changes nothing. A night of
    `autoagent night` tells by itself; --tell is for climbs that another client plays.
    """
    from autoagent.commands.after.watch import watch as serve_page

    serve_page(workspace_root(workspace), port, typer.echo, tell=tell)
