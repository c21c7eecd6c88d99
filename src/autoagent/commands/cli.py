"""The command line: what was typed goes in, what is printed comes out; the work is elsewhere.

Exit codes: 0 it is well, 1 it is not (a check failed), 2 it could not be done, 130 interrupted.
"""

import json
from pathlib import Path
from typing import Annotated, Any, override

import typer
from typer.core import TyperGroup

from autoagent.commands.after.morning import (
    certify,
    cost,
    diff,
    export,
    new_task,
    promote,
    report,
    show,
    status,
    try_case,
    verify,
    watch,
)
from autoagent.commands.before import tasks as task_commands
from autoagent.commands.before.init import Template
from autoagent.commands.during.serve import refusal, workspace_root
from autoagent.commands.during.serve import serve as serve_workspace
from autoagent.commands.options import Fate, JsonOption, WorkspaceOption, bounded
from autoagent.errors import AutoAgentError


class _Commands(TyperGroup):
    """Turns an error of ours into one line and exit code 2; any other is a bug and shows itself."""

    @override
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except AutoAgentError as error:
            typer.echo(refusal(error), err=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_Commands,
    help="An MCP server that referees an overnight hill-climb over an agent's harness.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"autoagent {version('autoagent-mcp')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print it, and end."),
    ] = False,
) -> None:
    """Options of no command."""


image = typer.Typer(help="Images that tasks start from.")
app.add_typer(image, name="image", no_args_is_help=True)


tasks = typer.Typer(help="The tasks of a workspace.")
app.add_typer(tasks, name="tasks", no_args_is_help=True)


@app.command()
def serve(
    workspace: WorkspaceOption = None,
    http: Annotated[
        str | None,
        typer.Option(help="A loopback address, such as 127.0.0.1:8390.", show_default="stdio"),
    ] = None,
) -> None:
    """Serve a workspace to an MCP client, over stdio or over HTTP with a bearer token."""
    if http is None:
        serve_workspace(workspace)
        return
    from autoagent.server.http import serve as serve_http

    serve_http(workspace_root(workspace), http)


@app.command()
def hook() -> None:
    """Answer a hook of a client, JSON on stdin and stdout; what the Claude Code plugin calls."""
    from autoagent.commands.during.hook import main

    main()


@app.command()
def separate(
    workspace: WorkspaceOption = None,
    http: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1:8390",
) -> None:
    """Serve a workspace as a user of its own (tier 1): sets that up; with sudo.

    The client's user keeps the harness and `.agent/`, and gets a token; the rest becomes the
    server's. Run it again to start the server again.
    """
    from autoagent.commands.before.separate import separate as separate_workspace

    separate_workspace(workspace_root(workspace), http)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Where; it may hold files already.")] = Path(),
    template: Annotated[
        Template,
        typer.Option(help="What the harness is built on; `plain` needs no model."),
    ] = "plain",
) -> None:
    """Make a workspace; files that exist are left alone."""
    from autoagent.commands.before.init import make_workspace, missing_extra

    made = make_workspace(directory, template)
    for path in made.created:
        typer.echo(f"made     {path}")
    for path in made.skipped:
        typer.echo(f"skipped  {path} (it exists)")
    typer.echo(f"{made.repository}\n")
    if command := missing_extra(template):
        typer.echo(f"The harness needs what is not installed: {command}.")
    if template != "plain":
        typer.echo("Without a key, `autoagent standin` is a STAND-IN for the model.")
    typer.echo(f"Next, in {made.root}: `autoagent doctor`, then `autoagent run`.")


@app.command()
def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check the machine and the workspace; every failing row says what to do."""
    from autoagent.commands.before.doctor import examine

    checks = examine(workspace_root(workspace))
    failed = sum(check.state == "fail" for check in checks)
    if as_json:
        rows = [check.model_dump() for check in checks]
        typer.echo(json.dumps({"ok": not failed, "checks": rows}, indent=1))
    else:
        from autoagent.commands import terminal

        out = terminal.console()
        out.print(terminal.checks_table(checks, out.width))
        typer.echo(f"{failed} to mend." if failed else "Ready.")
    raise typer.Exit(1 if failed else 0)


@app.command()
def run(
    workspace: WorkspaceOption = None,
    tasks: Annotated[str, typer.Option(help="Names of tasks, separated by commas.")] = "",
    oracle: Annotated[
        bool, typer.Option("--oracle", help="Run each task's own solution, not the harness.")
    ] = False,
) -> None:
    """Measure the harness as it stands, once, outside any climb."""
    from autoagent.commands import terminal
    from autoagent.commands.during.run import Alone

    names = [name.strip() for name in tasks.split(",") if name.strip()]
    alone = Alone(workspace_root(workspace), names, "oracle" if oracle else "subset")
    out = terminal.console()
    with terminal.live(out) as show:
        report = alone.measure(lambda seen: show(terminal.run_screen(out, seen)))
        show(terminal.trials_table(report.trials, out.width))
    terminal.print_run(out, report)
    if alone.spec.config.isolation == "process":
        out.print('UNSANDBOXED: isolation = "process"')
    raise typer.Exit(130 if report.state == "cancelled" else 1 if report.trouble else 0)


for after in (certify, status, report, show, diff, promote, new_task, cost, verify, export, watch):
    app.command()(after)
app.command("try")(try_case)
app.command()(task_commands.adopt)
tasks.command("review")(task_commands.review)


@app.command()
def night(
    workspace: WorkspaceOption = None,
    agent: Annotated[str | None, typer.Option(help="What starts the agent.")] = None,
    at: Annotated[str | None, typer.Option(help="HH:MM.", show_default="now")] = None,
    until: Annotated[str | None, typer.Option(help="HH:MM; else the budget ends it.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Where the end is posted.")] = None,
) -> None:
    """Drive an agent that speaks ACP through a night.

    Options go before those of autoagent.toml. Exit codes: 0 the climb is over, and certified unless
    nothing was kept; 1 it is not; 2 it could not be done; 3 the agent could not be used; 130, 143
    interrupted.
    """
    from autoagent.commands.during.night import night as whole_night

    given = {"agent": agent, "at": at, "until": until, "webhook": webhook}
    raise typer.Exit(whole_night(workspace_root(workspace), given, typer.echo))


@app.command()
def renew(workspace: WorkspaceOption = None) -> None:
    """Grant another night: the next climb starts with the caps of autoagent.toml anew.

    Without it a climb draws on what the last one left: no tool call starts the caps anew.
    """
    from autoagent.commands.during.renew import renew as granted

    typer.echo(granted(workspace_root(workspace)))


@app.command()
def calibrate(
    workspace: WorkspaceOption = None,
    most: Annotated[int, typer.Option(help="Try no more at once.", callback=bounded(1, 256))] = 64,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate", help="Run the harness twice, which calls its model; advise a gate instead."
        ),
    ] = False,
) -> None:
    """Measure how many trials to run at once, and print the line for autoagent.toml."""
    from autoagent.commands.before.calibrate import Rate, knee
    from autoagent.commands.before.calibrate import calibrate as measure
    from autoagent.config import FILE_NAME

    if gate:
        _advise_gate(workspace_root(workspace))
        return

    def show(rate: Rate) -> None:
        void = f"  {rate.void} void" if rate.void else ""
        told = f"{rate.concurrency:11}  {rate.trials:6}  {rate.seconds:7.1f}"
        typer.echo(f"{told}  {rate.per_minute:13.0f}{void}")

    typer.echo("concurrency  trials  seconds  trials/minute")
    root = workspace_root(workspace)
    number = knee(measure(root, most, show))
    typer.echo(f"Put this into {root / FILE_NAME}, and commit it before a climb:\n")
    typer.echo(f"[benchmark]\nconcurrency = {number}")


def _advise_gate(root: Path) -> None:
    from autoagent.commands import terminal
    from autoagent.commands.before.calibrate import luck
    from autoagent.config import load_config
    from autoagent.gate.noise import advice, seen
    from autoagent.referee.telling.reading import NIGHT

    config, out = load_config(root), terminal.console()
    with terminal.live(out) as show:
        found = luck(root, lambda seen: show(terminal.run_screen(out, seen)))
    for sentence in seen(found, config.budget.evaluations or NIGHT):
        typer.echo(sentence)
    typer.echo(advice(found, config.gate.rule))


@app.command()
def clean(
    workspace: WorkspaceOption = None,
    keep_last: Annotated[
        int | None, typer.Option(help="Evidence: all but of the newest so many.", min=0)
    ] = None,
    older_than: Annotated[
        float | None, typer.Option(help="Evidence: what is older, in days.", min=0)
    ] = None,
    larger_than: Annotated[
        float | None, typer.Option(help="Evidence: what is larger, in MB.", min=0)
    ] = None,
    verdict: Annotated[
        list[Fate] | None, typer.Option(help="Evidence: of these alone; may be repeated.")
    ] = None,
) -> None:
    """Remove what this workspace left in the Docker daemon, images of its tasks included.

    With an option it removes the evidence of candidates that were not kept instead: trajectories,
    logs and what verifiers printed. Outcomes stay in the journal.
    """
    if (keep_last, older_than, larger_than, verdict or None) != (None, None, None, None):
        _clean_evidence(
            workspace_root(workspace),
            keep_last=keep_last or 0,
            days=older_than or 0.0,
            megabytes=larger_than or 0.0,
            fates=tuple(verdict or ()),
        )
        return
    from autoagent.environments.docker import janitor
    from autoagent.workspace.layout import open_workspace

    removed = janitor.clean(open_workspace(workspace_root(workspace)).state)
    for what in removed:
        typer.echo(f"removed  {what}")
    typer.echo(f"{len(removed)} removed." if removed else "Nothing was there.")


def _clean_evidence(root: Path, **terms: Any) -> None:
    from autoagent.commands.after import clean as evidence

    removed = evidence.clean(root, evidence.Terms(**terms))
    for one in removed:
        typer.echo(f"removed  {one.evaluation} ({one.fate}), {one.bytes / 1e6:.1f} MB")
    size = sum(one.bytes for one in removed) / 1e6
    what = f"{len(removed)} evaluations' evidence removed, {size:.1f} MB"
    typer.echo(f"{what}; the journal has it." if removed else "Nothing fits these terms.")


@image.command("build")
def image_build(
    workspace: WorkspaceOption = None,
    base: Annotated[
        str | None, typer.Option(help="Start from this image, not the one after FROM.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(help="The build's network, such as `host`.", show_default="Docker's"),
    ] = None,
) -> None:
    """Build the base image, autoagent-base, for `environment = "docker"`.

    From the workspace's Dockerfile.base.
    """
    from autoagent.environments.docker.images.base_image import build_base

    for line in build_base(workspace_root(workspace), base, network=network):
        typer.echo(line)


@image.command("pull")
def image_pull(
    name: Annotated[str, typer.Argument(help="What a task's FROM says.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="oci:DIRECTORY, docker-archive:FILE …", show_default="its registry"
        ),
    ] = None,
) -> None:
    """Fetch an image for tasks in `environment = "sandbox"`, by skopeo, for every workspace."""
    from autoagent.commands.before.pull import pull

    for line in pull(name, source):
        typer.echo(line)


@app.command()
def standin(
    rules: Annotated[Path, typer.Option(help="What it knows.")] = Path("standin.toml"),
    port: Annotated[int, typer.Option(help="0 takes a free one.", callback=bounded(0, 65535))] = 0,
) -> None:
    """Serve a STAND-IN for a model on loopback: it answers by rules, and needs no key."""
    from autoagent.gateway.standin.server import serve as serve_standin

    def ready(url: str) -> None:
        typer.echo(f"STAND-IN at {url}, by the rules of {rules}. It is no model: no number that")
        typer.echo("it makes says anything about one. Interrupt it to stop.")
        typer.echo(f"OpenAI base URL {url}/v1, Anthropic base URL {url}")

    serve_standin(rules, port, ready)


@app.command()
def demo(
    keep: Annotated[
        Path | None,
        typer.Option(help="Where to play; must be empty.", show_default="a temporary directory"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play a whole climb on this machine: no Docker, no API key, no root."""
    from autoagent.commands.during.demo import demonstrate

    if as_json:
        found = demonstrate(keep)
        facts = found.model_dump(mode="json")
        typer.echo(json.dumps({"ok": not found.problems, **facts}, indent=1))
    else:
        from autoagent.commands import terminal

        out = terminal.console()
        with terminal.live(out) as show:
            found = demonstrate(
                keep, lambda rows, doing: show(terminal.demo_screen(rows, doing, out.width))
            )
            show(terminal.demo_screen(found.steps, "", out.width))
        terminal.print_demonstration(out, found)
    raise typer.Exit(1 if found.problems else 0)
