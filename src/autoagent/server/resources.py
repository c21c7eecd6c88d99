"""What a client can attach without a tool call: files, status, report and trajectories.

The same facts as the tools give, in the form a human's editor shows.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
from mcp.server.apps import Apps
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource

from autoagent.errors import AutoAgentError, UnknownName
from autoagent.referee.budget import in_words
from autoagent.referee.ending.worth import edits_worth, taking_over, worth
from autoagent.referee.telling.views import Status
from autoagent.server.arguments import refusal
from autoagent.server.lookups import read_named, shows_verifier, status_reply, trial_text
from autoagent.server.page import VIEW, drawn
from autoagent.server.waiting import CallQueue

if TYPE_CHECKING:
    from autoagent.referee.referee import Referee


def add_resources(server: MCPServer, queue: CallQueue) -> None:
    """Register the resources; trajectories are found by a trial's id."""
    for name, kind, description, read in _RESOURCES:
        resource = FunctionResource(
            fn=partial(_told, queue, read),
            uri=f"autoagent://{name}",
            name=name,
            description=description,
            mime_type=kind,
        )
        server.add_resource(resource)
    server.add_resource(
        FunctionResource(
            fn=partial(_page, queue),
            uri="autoagent://report.html",
            name="report.html",
            description="The report's page: one file, no script, no network",
            mime_type="text/html",
        )
    )

    async def trajectory(trial: str) -> str:
        (found, directory), shown = await _told(
            queue, lambda r: (r.trial(trial), shows_verifier(r))
        )
        seen = await anyio.to_thread.run_sync(trial_text, found, directory, shown, None, 1)
        return seen.text

    server.resource(
        "autoagent://trajectory/{trial}",
        name="trajectory",
        description='Outline of a trial that ended, such as "e3.some-task.1": untrusted data',
        mime_type="text/plain",
    )(trajectory)


def view(queue: CallQueue) -> Apps:
    """The report's page for clients that show views; others hear what the tools say."""
    apps, framed = Apps(), partial(_page, queue, "--framed")
    description = "What the climb is worth, and how it went"
    apps.add_resource(FunctionResource(fn=framed, uri=VIEW, name="view", description=description))
    return apps


def summary(status: Status) -> str:
    """The climb in a few lines for a human."""
    if status.phase == "new":
        return "No climb has been started here."
    lines = [
        f"Climb {status.tag}: {status.phase}, {status.rows} ledger rows, {status.tasks} tasks."
    ]
    if best := status.incumbent:
        score = best.score
        lines.append(
            f"Incumbent {best.candidate.short} passes {score.passed}/{score.expected}; "
            f"the baseline passed {status.baseline_passed}. {best.candidate.description}"
        )
        if status.phase != "finished":
            lines.append("The best of many tries is flattered by luck until it is measured afresh.")
    if status.phase == "finished":
        edits = edits_worth(status.certificate)
        lines += filter(None, [worth(status), *edits, taking_over(status)])
    left = in_words(status.budget_left)
    lines.append(f"Budget left: {left}. Harness: {status.isolation}. {status.tier}.")
    lines += [f"Changed since the start: {path}" for path in status.drift]
    lines += [f"Note: {note}" for note in status.notes]
    return "\n".join([*lines, f"Journal head: {status.head}"])


async def _page(queue: CallQueue, *options: str) -> str:
    root = await _told(queue, lambda referee: referee.workspace.root)
    try:
        return await drawn(root, *options)
    except AutoAgentError as error:
        raise ResourceError(refusal(error)) from error


async def _told[T](queue: CallQueue, read: "Callable[[Referee], T]") -> T:
    """Read something; a refusal is a protocol error with the same words as a tool's."""
    try:
        return await queue.ask(read)
    except UnknownName as error:
        raise ResourceNotFoundError(refusal(error)) from error
    except AutoAgentError as error:
        raise ResourceError(refusal(error)) from error


def _file(referee: "Referee", path: str) -> str:
    return read_named(referee, path).decode("utf-8", "replace")


def _harness(referee: "Referee") -> str:
    return _file(referee, referee.workspace.config.harness.file)


def _status(referee: "Referee") -> str:
    return json.dumps(status_reply(referee.status()).facts(), indent=1)


_RESOURCES: "tuple[tuple[str, str, str, Callable[[Referee], str]], ...]" = (
    ("program", "text/markdown", "The human's directive", lambda r: _file(r, "program.md")),
    ("harness", "text/x-python", "The harness as it is on disk", _harness),
    (
        "ledger",
        "text/tab-separated-values",
        "One row per measured candidate",
        lambda r: _file(r, "results.tsv"),
    ),
    ("status", "application/json", "Where the climb stands", _status),
    ("report", "text/plain", "The climb so far, in a few lines", lambda r: summary(r.status())),
)
