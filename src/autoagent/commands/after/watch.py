"""`autoagent watch`: the report's page, live, on this machine's loopback. Reads only.

Where a human asks for it, it tells them what cannot wait, too.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from socket import socket

import anyio
import uvicorn

from autoagent.commands.after.verify import journal_of
from autoagent.errors import WorkspaceError
from autoagent.evidence.journal import Journal
from autoagent.night import notice
from autoagent.night.watching import attend
from autoagent.report import page
from autoagent.report.charts import draw
from autoagent.report.live import Live
from autoagent.server.http import listening
from autoagent.workspace.layout import Workspace, open_workspace

HOST = "127.0.0.1"
GOODBYE_SECONDS = 1


def watch(root: Path, port: int, show: Callable[[str], None], *, tell: bool) -> None:
    """Serve the page of a workspace's last climb until the process is interrupted.

    Args:
        root: The workspace.
        port: Of 127.0.0.1; 0 takes a free one.
        show: Is told where the page is, and what the human was told.
        tell: Tell webhook and desktop what cannot wait.

    Raises:
        InfrastructureFault: The port is taken.
        WorkspaceError: This is no workspace, or there is nobody to tell.
    """
    workspace = open_workspace(root)
    if tell and not notice.somebody(workspace.config.night.webhook):
        raise WorkspaceError(
            "--tell: there is nobody to tell. autoagent.toml sets no night.webhook, and no desktop "
            "with `notify-send` is here. Set the one, or leave out --tell."
        )
    live = Live(lambda: _head(workspace), lambda nonce: _page(workspace, nonce))
    with suppress(KeyboardInterrupt), listening(HOST, port, "another --port") as listener:
        show(f"http://{HOST}:{listener.getsockname()[1]}/")
        config = uvicorn.Config(
            live.app(),
            access_log=False,
            log_config=None,
            ws="none",
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GOODBYE_SECONDS,
        )
        anyio.run(_serve, uvicorn.Server(config), listener, workspace if tell else None, show)


async def _serve(
    server: uvicorn.Server,
    listener: socket,
    attended: Workspace | None,
    show: Callable[[str], None],
) -> None:
    async with anyio.create_task_group() as group:
        if attended is not None:
            group.start_soon(attend, attended, _line(show))
        await server.serve(sockets=[listener])
        group.cancel_scope.cancel()


def _line(show: Callable[[str], None]) -> notice.Log:
    return lambda kind, words: show(f"{kind}: {words}")


def _head(workspace: Workspace) -> str:
    if not workspace.journal.exists():
        return ""
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        return journal.head()


def _page(workspace: Workspace, nonce: str) -> str:
    script = page.Script("live", nonce)
    try:
        with journal_of(workspace) as journal:
            return page.tell(workspace, journal, draw, script)[1]
    except WorkspaceError:  # it may be started while somebody waits here
        return page.waiting(workspace.root.name, script)
