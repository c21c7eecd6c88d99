"""What a trial's first process does to itself: namespaces, private files, limits, no capability.

`rehearse` does all of it once, so that a machine where it cannot be done is found out
before anything starts. Standard library only.
"""

import ctypes
import os
import re
import resource
import sys
from pathlib import Path
from typing import Any

from autoagent.environments.sandbox.inside import loopback

SCRATCH_BYTES = 64 * 1024 * 1024
SETTING = "/proc/sys/kernel/core_pattern"
"""What nobody in a trial may write: a program that is named there runs as the machine's root."""

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
_MS_BIND = 0x1000
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_NO_NEW_PRIVS = 22, 2, 38
_INSTRUCTION_BYTES = 8


def enter() -> None:
    """The next process that is forked is the first of namespaces of its own."""
    os.unshare(os.CLONE_NEWPID | os.CLONE_NEWNS | os.CLONE_NEWIPC | os.CLONE_NEWNET)


def private_files() -> None:
    """Give the trial its own /proc, read-only, and its own small writable directories.

    These are empty but for what the sandbox mounted below them, read-only as it was: an
    interpreter may live below /tmp.
    """
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    for directory in ("/scratch", "/tmp", "/dev/shm"):
        below = {path: os.open(path, os.O_PATH) for path in _mounted_below(directory)}
        options = f"size={SCRATCH_BYTES},nr_inodes=16384,mode=0777"
        _mount("tmpfs", directory, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
        for path, kept in below.items():
            Path(path).mkdir(parents=True)
            _mount(f"/proc/self/fd/{kept}", path, None, _MS_BIND | _MS_REC)
            os.close(kept)


def _mounted_below(directory: str) -> list[str]:
    """Directories that something is mounted on, outermost first; none lies below another."""
    found: list[str] = []
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        unescaped = re.sub(rb"\\(\d{3})", lambda m: bytes([int(m[1], 8)]), line.split()[4])
        path = os.fsdecode(unescaped)
        inner = any(path.startswith(f"{outer}/") for outer in found)
        if path.startswith(f"{directory}/") and not inner:
            found.append(path)
    return found


def limit() -> None:
    """No core dumps; bounded descriptors and processes (the latter do not bind root)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for limit, most in ((resource.RLIMIT_NOFILE, 1024), (resource.RLIMIT_NPROC, 4096)):
        _, hard = resource.getrlimit(limit)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))


def drop_capabilities() -> None:
    """Clear every capability set; `no_new_privs`, set by bubblewrap, keeps them cleared."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    empty = (ctypes.c_uint32 * 6)()
    _checked("capset", _libc().capset(ctypes.byref(header), ctypes.byref(empty)))


def filter_calls(program: bytes) -> None:
    """Refuse this process and all that it starts the calls that the program refuses.

    Args:
        program: Of the kernel's packet filter, whole instructions (seccomp(2)).
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    count = len(program) // _INSTRUCTION_BYTES
    filter = _Filter(count, ctypes.cast(instructions, ctypes.c_void_p))
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    result = _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0)
    _checked("seccomp", result)


class _Filter(ctypes.Structure):
    """struct sock_fprog (linux/filter.h)."""

    _fields_ = (("count", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def prctl(option: int, value: int) -> None:
    """Change something about this process.

    Raises:
        OSError: The kernel refuses.
    """
    _checked("prctl", _libc().prctl(option, value, 0, 0, 0))


def rehearse(calls: bytes) -> None:
    """Do all of it in a process that ends at once; exit with 1 and a line that says why not.

    Args:
        calls: As for `filter_calls`.
    """
    try:
        enter()
        loopback.up()
        child = os.fork()
        if child == 0:
            _rehearse_inside(calls)
        status = os.waitpid(child, 0)[1]
    except OSError as error:
        sys.exit(f"a trial's namespaces cannot be made: {error.strerror}")
    sys.exit(status != 0)


def _rehearse_inside(calls: bytes) -> None:
    try:
        private_files()
        limit()
        drop_capabilities()
        filter_calls(calls)
        if os.access(SETTING, os.W_OK):
            raise OSError(0, f"{SETTING} of this machine could be written by a trial")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    result = _libc().mount(*encoded, ctypes.c_ulong(flags), data.encode() or None)
    _checked(f"mount {target}", result)


def _checked(call: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
