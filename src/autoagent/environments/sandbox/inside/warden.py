"""A process that outlives one other, and then ends everything that one started.

Orphans come to a warden instead of to init, whatever session they made for themselves.
It ends them when its child has ended, when it is told to stop (SIGTERM) and when its own
parent dies. It runs as the same user as they do, so a process that means to get away can
stop the warden first: this is tidiness, not protection.

As a script it runs a command: `warden.py DIRECTORY PROGRAM ARGUMENTS…`; its exit status is
the command's, and 128 + n after signal n, as in a shell. Standard library only, and as
little of it as will do: every command of a trial waits for these imports.
"""

import ctypes
import io
import os
import signal
import sys
import time
from contextlib import suppress

END_SECONDS = 2.0
"""How long a warden goes on trying; what is left then belongs to another user or hangs."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def become() -> None:
    """Make this process a warden. Call it before the fork of what is to be watched."""
    signal.signal(signal.SIGTERM, _told)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def outlast(child: int) -> int:
    """Wait for `child`, end everything else, and tell the child's exit status."""
    while True:
        ended, status = os.wait()
        if ended == child:
            end_everything()
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_everything() -> None:
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
    end_everything()
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


def _start(directory: str, command: list[str]) -> None:
    """Become the command, in a session of its own."""
    for number in (signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # the least that a killed warden takes along
    try:
        os.chdir(directory)
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, f"prctl: {os.strerror(code)}")


def main(directory: str, command: list[str]) -> None:
    """Run a command to its end and everything it started to theirs."""
    become()
    child = os.fork()
    if child == 0:
        _start(directory, command)
    os._exit(outlast(child))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
