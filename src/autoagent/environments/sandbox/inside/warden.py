"""Ending what a harness without a sandbox started, as well as an ordinary user can.

Orphans come to a warden instead of to init, whatever session they made for themselves. It ends
them when its child has ended, when it is told to stop (SIGTERM) and when its own parent dies.
It runs as the same user as they do, so a process that means to get away can stop the warden
first: this is tidiness, not protection. In a sandbox a namespace does it.
"""

import io
import os
import signal
import time
from contextlib import suppress

from autoagent.environments.sandbox.inside.namespaces import prctl

END_SECONDS = 2.0
"""How long a warden goes on trying; what is left then belongs to another user or hangs."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def become() -> None:
    """Make this process a warden, in a session of its own, before it forks its child."""
    os.setsid()
    signal.signal(signal.SIGTERM, _told)
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def outlast(child: int) -> None:
    """Wait for `child`, and end everything else."""
    while os.wait()[0] != child:
        continue
    _end_everything()


def _end_everything() -> None:
    """Kill every child, and theirs as they arrive here, until there is none."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        try:
            collected, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if collected:
            continue
        for pid in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def _told(*_: object) -> None:
    _end_everything()
    os._exit(128 + signal.SIGTERM)


def _children() -> list[int]:
    """Processes whose parent is this one."""
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError), io.FileIO(f"{entry.path}/stat") as file:
                after_name = file.read().rpartition(b")")[2]
                if int(after_name.split()[1]) == os.getpid():
                    found.append(int(entry.name))
    return found
