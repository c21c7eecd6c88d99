"""The server: tools, prompts and resources over one referee, spoken over stdio.

Nothing here imports Harbor or Docker, and nothing but the protocol goes to stdout.
"""

import logging
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.mcpserver import MCPServer

from autoagent.server.page import PageWriter
from autoagent.server.prompts import INSTRUCTIONS, add_prompts
from autoagent.server.resources import add_resources, view
from autoagent.server.tools import build_tools
from autoagent.server.waiting import CallQueue, Waiting
from autoagent.workspace.tier import TIER_0

if TYPE_CHECKING:
    from autoagent.errors import WorkspaceBusy
    from autoagent.referee.referee import Referee

logger = logging.getLogger(__name__)


def build_server(
    referee: "Referee | Callable[[], Referee]",
    waiting: Waiting | None = None,
    look: "Callable[[WorkspaceBusy], Referee] | None" = None,
    page: PageWriter | None = None,
) -> MCPServer:
    """A server over a referee, or over one that the first call opens.

    Whoever gives an open referee closes it; one that was opened here is closed when the
    session ends.

    Args:
        referee: The referee, or how to open it.
        waiting: How long calls wait; by default what each client was measured to bear.
        look: How to look on where another process referees; None refuses every call then.
        page: Who writes the report's page as the climb moves; None leaves that to the command.
    """
    opened_here = callable(referee)
    opener = referee if callable(referee) else lambda: referee
    queue = CallQueue(opener, waiting or Waiting(), look, page)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncGenerator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(queue.warm_up)
            try:
                yield
            finally:
                group.cancel_scope.cancel()
        if opened_here:
            queue.close()

    server = MCPServer(
        "autoagent",
        title="AutoAgent",
        instructions=INSTRUCTIONS,
        version=_version(),
        tools=list(build_tools(queue)),
        extensions=[view(queue)],
        lifespan=lifespan,
        log_level="WARNING",
    )
    add_prompts(server)
    add_resources(server, queue)
    return server


def serve(root: Path) -> None:
    """Serve the workspace at `root` over stdio until the client hangs up.

    A workspace that cannot be opened is no reason to die: each call is refused with the
    reason until it is mended.
    """
    plain_logging()
    # Clients kill servers without a goodbye, and none is needed: the journal is durable, the lock
    # is the kernel's and a running evaluation is a process of its own.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server_of(root, TIER_0).run("stdio")


def server_of(root: Path, tier: str) -> MCPServer:
    """The server of the workspace at `root`, of this tier: it referees, or looks on."""

    def open_referee() -> "Referee":
        from autoagent.referee.referee import (
            Referee,  # git and the rules: after the client has its answer
        )

        return Referee.open(root, tier=tier)

    def look(busy: "WorkspaceBusy") -> "Referee":
        from autoagent.referee.telling import onlooker

        return onlooker.look(root, busy, tier)

    return build_server(open_referee, look=look, page=PageWriter(root))


def plain_logging() -> None:
    """One line for each thing, on stderr: stdout is the wire."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("autoagent-mcp")
    except PackageNotFoundError:
        return "0"
