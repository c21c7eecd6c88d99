"""The report's page is written after each verdict, by a process of its own.

Drawing takes a second, and modules that a server should not load. The page is a projection like
the ledger: one that could not be written is written after the next verdict, or by hand (`report`).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio

from autoagent.errors import WorkspaceError
from autoagent.evidence.position import Position

VIEW = "ui://autoagent/report"
"""The page as a view of a client that has MCP Apps."""
PATIENCE_SECONDS = 120.0
SPACING_SECONDS = 60.0
"""A page that is looked at in the morning need not be newer, but when the climb is over."""
_NICE = 19
_COMMAND = (sys.executable, "-P", "-m", "autoagent", "report")


async def drawn(root: Path, *options: str) -> str:
    """The page as it is now, drawn by a process of its own that writes nothing.

    Raises:
        WorkspaceError: It could not be drawn; says why.
    """
    command = [*_COMMAND, "--html", *options, "--workspace", str(root)]
    with anyio.fail_after(PATIENCE_SECONDS):
        done = await anyio.run_process(command, cwd="/", check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise WorkspaceError(f"The page was not drawn: {said[:300]}", "status()")
    return done.stdout.decode("utf-8", "replace")


class PageWriter:
    """Writes the page of one workspace when its climb has moved, one process at a time."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is written before something moves."""
        self._root, self._clock = root, clock
        self._seen: tuple[str, int, bool] | None = None
        self._began = clock()
        self.process: subprocess.Popen[bytes] | None = None
        """The last one that was started."""

    def look(self, position: Position) -> None:
        """Start the writer, if there is something new to tell and the last page is old enough."""
        over = position.phase == "finished"
        here = (position.tag, position.rows, over)
        if self._seen is None:
            self._seen = here
        if here == self._seen or (self.process and self.process.poll() is None):
            return
        if not over and self._clock() - self._began < SPACING_SECONDS:
            return
        self._seen, self._began = here, self._clock()
        self.process = subprocess.Popen(
            [*_COMMAND, "--workspace", str(self._root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        os.setpriority(os.PRIO_PROCESS, self.process.pid, _NICE)
