"""A process and all that it starts, stopped before every system call that writes; or killed there.

`ptrace` itself, so that nothing has to be compiled or installed, and a program that git starts
counts as well as a thread of ours. Linux on x86-64 (the numbers of its calls), as the same user.

One call that writes is made at a time: whoever comes to one while another is being made waits. So
at a stop no call is half made, and what lies there is what a kill leaves.
"""

import ctypes
import os
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CALLS = {
    1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 74: "fsync", 75: "fdatasync",
    76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat",
    86: "link", 87: "unlink", 88: "symlink", 90: "chmod", 91: "fchmod", 92: "chown", 93: "fchown",
    94: "lchown", 133: "mknod", 258: "mkdirat", 259: "mknodat", 260: "fchownat", 263: "unlinkat",
    264: "renameat", 265: "linkat", 266: "symlinkat", 268: "fchmodat", 285: "fallocate",
    296: "pwritev", 316: "renameat2", 326: "copy_file_range", 328: "pwritev2",
}  # fmt: skip
"""By number, of x86-64."""
SYNCS = ("fsync", "fdatasync")
_OPEN, _OPENAT = 2, 257
_WRITES = os.O_CREAT | os.O_TRUNC

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_SYSGOOD, _FORK, _VFORK, _CLONE, _EXEC, _EXITKILL = 1, 2, 4, 8, 16, 0x100000
_ENTRY = 1
_STOPPED_AT_CALL = signal.SIGTRAP | 0x80
_WALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Stop(NamedTuple):
    """A thread that is about to make a call that writes."""

    pid: int
    call: str
    descriptor: int
    """The call's first argument, where that is a descriptor."""

    @property
    def program(self) -> str:
        """What runs there: the first word of its command line, without its place."""
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return "?"
        return Path(os.fsdecode(words[0])).name or "?"

    @property
    def written(self) -> os.stat_result | None:
        """The file that the descriptor is of."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/fd/{self.descriptor}").stat()
        return None


def can_trace() -> str | None:
    """Why this machine cannot; None where it can."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return f"the numbers of system calls are x86-64's, and this is {os.uname().machine}"
    return None


def traced(body: Callable[[], None], at_stop: Callable[[Stop], bool]) -> bool:
    """Run `body` in a child, and look before each call that it and its children write with.

    Args:
        body: What the child does; it never returns from there.
        at_stop: Looks, while the call is held; where it says True, all of them are killed.

    Returns:
        Whether they were killed.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _ptrace(_TRACEME, 0, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            body()
            code = 0
        finally:
            os._exit(code)
    os.waitpid(child, 0)
    _ptrace(_SETOPTIONS, child, 0, _SYSGOOD | _FORK | _VFORK | _CLONE | _EXEC | _EXITKILL)
    _ptrace(_SYSCALL, child, 0, 0)
    return _Tracer(child, at_stop).run()


class _Tracer:
    """Who holds a process and its children, one call that writes at a time."""

    def __init__(self, child: int, at_stop: Callable[[Stop], bool]) -> None:
        self._alive, self._at_stop = {child}, at_stop
        self._making: int | None = None
        self._held = deque[Stop]()

    def run(self) -> bool:
        while True:
            try:
                pid, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return False
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                self._alive.discard(pid)
            else:
                self._alive.add(pid)
                self._on_stop(pid, os.WSTOPSIG(status))
            if self._making not in self._alive:
                self._making = None
            while self._making is None and self._held:
                stop = self._held.popleft()
                if stop.pid not in self._alive:
                    continue
                if self._at_stop(stop):
                    _kill(self._alive)
                    return True
                self._making = stop.pid
                self._go_on(stop.pid)

    def _on_stop(self, pid: int, number: int) -> None:
        pass_on = 0
        if number == _STOPPED_AT_CALL:
            if self._making == pid:
                self._making = None  # it returns from its call
            elif (stop := _writing(pid)) is not None:
                self._held.append(stop)
                return
        elif number not in (signal.SIGTRAP, signal.SIGSTOP):
            pass_on = number
        self._go_on(pid, pass_on)

    def _go_on(self, pid: int, pass_on: int = 0) -> None:
        with suppress(ProcessLookupError):
            _ptrace(_SYSCALL, pid, 0, pass_on)


def _writing(pid: int) -> Stop | None:
    """The call that a stopped thread is about to make, if it writes."""
    info = ctypes.create_string_buffer(88)
    with suppress(ProcessLookupError):
        _ptrace(_GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info))
    if info.raw[0] != _ENTRY:
        return None
    number, first, second, third = struct.unpack_from("4Q", info.raw, 24)
    descriptor = first & 0x7FFFFFFF
    if number == _OPENAT and third & _WRITES or number == _OPEN and second & _WRITES:
        return Stop(pid, "open to write", -1)
    name = CALLS.get(number)
    if name is None or name in ("write", "writev") and not _matters(pid, descriptor):
        return None
    return Stop(pid, name, descriptor)


def _matters(pid: int, descriptor: int) -> bool:
    """Whether what is written there outlives the process or is an answer: a file, or stdout."""
    try:
        place = str(Path(f"/proc/{pid}/fd/{descriptor}").readlink())
    except OSError:
        return False
    return descriptor == 1 or place.startswith("/") and not place.startswith("/dev/null")


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-1, _WALL)
        except ChildProcessError:
            return


def _ptrace(request: int, pid: int, address: int, data: int) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
