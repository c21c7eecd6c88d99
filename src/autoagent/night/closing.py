"""The end of a climb that its agent did not end: the referee's own way, within the climb's caps."""

from contextlib import closing

import anyio

from autoagent.errors import WorkspaceBusy
from autoagent.evidence.position import Position
from autoagent.night.log import Log
from autoagent.referee.moves import CANCELLABLE
from autoagent.referee.referee import Referee
from autoagent.workspace.layout import Workspace

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 30.0
"""How long the server of an ended agent may hold the workspace."""


async def close(workspace: Workspace, log: Log) -> Position:
    """Finish and certify what is being played, and wait for that; where it stands then.

    A candidate that is being measured is cancelled and discarded. A climb without a baseline has
    nothing to certify: while its tasks or its baseline are measured it stays open.

    Raises:
        AutoAgentError: The referee refuses.
    """
    with closing(await _referee(workspace)) as referee:
        log("closing", f"the climb is in phase {referee.position.phase}")
        while True:
            position = referee.advance()
            match position.phase:
                case "new" | "finished" | "validating":
                    return position
                case "evaluating" if position.running and position.running.kind in CANCELLABLE:
                    referee.cancel_benchmark()
                case "evaluating":
                    return position
                case "certifying":
                    pass
                case _:
                    referee.finish_climb("the night is over")
            await anyio.sleep(POLL_SECONDS)


async def _referee(workspace: Workspace) -> Referee:
    """Take the workspace as soon as the agent's server lets go of it."""
    with anyio.move_on_after(PATIENCE_SECONDS):
        while True:
            try:
                return Referee.open(workspace.root)
            except WorkspaceBusy:
                await anyio.sleep(POLL_SECONDS)
    return Referee.open(workspace.root)
