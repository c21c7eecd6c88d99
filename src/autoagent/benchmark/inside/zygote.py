"""The fork server of one evaluation: imports the harness's libraries once, forks per trial.

It never runs the candidate's code itself. It imports the libraries the harness names
(seconds, for an LLM SDK), then forks for each trial; the fork gets its own process,
mount, IPC and network namespaces and gives up every capability *before* it imports
`agent.py`. So trials share neither memory nor files, and ending a trial's first
process ends everything it started.
"""

import ast
import ctypes
import importlib
import json
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from autoagent.benchmark.inside import trial

SCRATCH_BYTES = 64 * 1024 * 1024
MESSAGE_LIMIT = 64 * 1024

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
_PR_SET_PDEATHSIG = 1
_CAPABILITY_VERSION_3 = 0x20080522


def main(control_fd: int, harness: str, *, isolated: bool) -> None:
    """Serve trial requests on `control_fd` until it closes.

    A request is one JSON packet: `{"trial": name}` with the trial's socket attached,
    or `{"kill": name}`. The first packet sent back says that the server is ready.
    """
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    if isolated:
        _forbid_user_namespaces()
    preload(Path(harness))
    control.send(json.dumps({"ready": True}).encode())
    wardens: dict[str, int] = {}
    while True:
        packet, fds, _, _ = socket.recv_fds(control, MESSAGE_LIMIT, 1)
        if not packet:
            break
        _reap(wardens)
        request = json.loads(packet)
        if "kill" in request:
            _kill(wardens.pop(request["kill"], None), isolated=isolated)
        else:
            wardens[request["trial"]] = _fork_trial(control, fds[0], isolated=isolated)
            os.close(fds[0])
    for warden in wardens.values():
        _kill(warden, isolated=isolated)


def preload(harness: Path) -> None:
    """Import what the harness imports at module level, so that forks share it.

    Only libraries come from here; a name that cannot be imported fails in the trial,
    where the failure belongs to the candidate.
    """
    for name in imported_names(harness.read_bytes()):
        with suppress(Exception, SystemExit):
            importlib.import_module(name)


def imported_names(source: bytes) -> list[str]:
    """Absolute modules imported by module-level statements, in order, without repeats."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    names: dict[str, None] = {}
    for node in tree.body:
        for part in [node] if not isinstance(node, ast.If | ast.Try) else ast.walk(node):
            if isinstance(part, ast.Import):
                names.update(dict.fromkeys(alias.name for alias in part.names))
            elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
                names[part.module] = None
    return list(names)


def _fork_trial(control: socket.socket, fd: int, *, isolated: bool) -> int:
    """Fork a warden, which forks the trial as the first process of its own namespaces."""
    warden = os.fork()
    if warden:
        return warden
    try:
        control.close()
        if isolated:
            os.unshare(os.CLONE_NEWPID | os.CLONE_NEWNS | os.CLONE_NEWIPC | os.CLONE_NEWNET)
        else:
            os.setsid()
        child = os.fork()
        if child == 0:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if isolated:
                _private_files()
            _limit()
            if isolated:
                _drop_capabilities()
            trial.main(fd)
            os._exit(0)
        os.close(fd)
        os.waitpid(child, 0)
    except BaseException as error:
        sys.stderr.write(f"trial not started: {error!r}\n")
    finally:
        os._exit(0)


def _private_files() -> None:
    """Give the trial its own /proc and its own small, empty writable directories."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    for directory in ("/scratch", "/tmp", "/dev/shm"):
        options = f"size={SCRATCH_BYTES},nr_inodes=16384,mode=0777"
        _mount("tmpfs", directory, "tmpfs", _MS_NOSUID | _MS_NODEV, options)


def _limit() -> None:
    """No core dumps; bounded descriptors and processes (the latter do not bind root)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for limit, most in ((resource.RLIMIT_NOFILE, 1024), (resource.RLIMIT_NPROC, 4096)):
        _, hard = resource.getrlimit(limit)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))


def _forbid_user_namespaces() -> None:
    """A new user namespace would give the candidate capabilities of its own."""
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def _drop_capabilities() -> None:
    """Clear every capability set; `no_new_privs`, set by bubblewrap, keeps them cleared."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    empty = (ctypes.c_uint32 * 6)()
    _checked("capset", _libc().capset(ctypes.byref(header), ctypes.byref(empty)))


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    result = _libc().mount(*encoded, ctypes.c_ulong(flags), data.encode() or None)
    _checked(f"mount {target}", result)


def _prctl(option: int, value: int) -> None:
    _checked("prctl", _libc().prctl(option, value, 0, 0, 0))


def _checked(call: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _reap(wardens: dict[str, int]) -> None:
    """Collect wardens that ended, so that a kill never meets a reused process id."""
    ended: set[int] = set()
    with suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            ended.add(pid)
    for name in [name for name, pid in wardens.items() if pid in ended]:
        del wardens[name]


def _kill(warden: int | None, *, isolated: bool) -> None:
    """End a trial: its first process dies with its warden, and its namespace with that."""
    if warden is None:
        return
    with suppress(ProcessLookupError):
        if isolated:
            os.kill(warden, signal.SIGKILL)
        else:
            os.killpg(warden, signal.SIGKILL)
