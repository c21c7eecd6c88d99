"""The fork server of one evaluation: imports the harness's libraries once, forks per trial.

It never runs the candidate's code itself. It imports the libraries the harness names
(seconds, for an LLM SDK), then forks for each trial; the fork gets its own process,
mount, IPC and network namespaces and gives up every capability *before* it imports
`agent.py`. So trials share neither memory nor files, and ending a trial's first
process ends everything it started.
"""

import ast
import gc
import importlib
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from autoagent.environments.sandbox.inside import loopback, namespaces, trial, warden

MESSAGE_LIMIT = 64 * 1024
FDS_LIMIT = 8

_PR_SET_PDEATHSIG = 1
_HTTP = ("anyio._backends._asyncio", "h11", "h2.connection", "httpcore2", "truststore")
_PUT_OFF = {
    "openai": (
        *_HTTP,
        "openai.resources.responses.responses",
        "openai.resources.chat.completions.completions",
    ),
    "anthropic": (*_HTTP, "anthropic.resources.messages.messages"),
}
"""What an SDK imports at its first call: without this, once more in every trial."""


def main(control_fd: int, harness: str, *, calls: bytes | None) -> None:
    """Serve trial requests on `control_fd` until it closes.

    A request is one JSON packet: `{"trial": name, "listener": bool}` with the trial's socket
    attached, then one for its loopback's listener if that is wanted, then files that take a
    process into the trial's control groups; or `{"kill": name}`. The first packet sent back
    says that the server is ready.

    Args:
        control_fd: Of the control socket.
        harness: The path of the harness's file.
        calls: What a trial's system calls are filtered by; None where there is no sandbox.
    """
    isolated = calls is not None
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    preload(Path(harness))
    gc.collect()
    gc.freeze()  # forks share what is here; a collector that walked it would copy it
    control.send(json.dumps({"ready": True}).encode())
    wardens: dict[str, int] = {}
    while True:
        packet, fds, _, _ = socket.recv_fds(control, MESSAGE_LIMIT, FDS_LIMIT)
        if not packet:
            break
        _reap(wardens)
        request = json.loads(packet)
        if "kill" in request:
            _kill(wardens.pop(request["kill"], None), isolated=isolated)
        else:
            wants = request["listener"]
            wardens[request["trial"]] = _fork_trial(control, fds, wants, calls)
            for fd in fds:
                os.close(fd)
    for keeper in wardens.values():
        _kill(keeper, isolated=isolated)
    for keeper in wardens.values():
        with suppress(ChildProcessError):
            os.waitpid(keeper, 0)


def preload(harness: Path) -> None:
    """Import what the harness imports at module level, and what that puts off: forks share it.

    Only libraries come from here; a name that cannot be imported fails in the trial,
    where the failure belongs to the candidate.
    """
    for name in imported_names(harness.read_bytes()):
        _try_import(name)
    for name in [late for sdk in _PUT_OFF if sdk in sys.modules for late in _PUT_OFF[sdk]]:
        _try_import(name)
    _try_import("harbor.agents.base")
    split_model_names()


def split_model_names() -> None:
    """Let Harbor take a model's provider from its name, as it did until 0.24.

    Since 0.25 every agent's constructor asks litellm instead, whose import takes ten seconds of
    a processor and asks the network for prices: that would be each trial's own time.
    """
    base = sys.modules.get("harbor.agents.base")
    if base is not None and hasattr(base, "parse_model_name"):  # 0.24 has none
        vars(base)["parse_model_name"] = _split_model_name


def _split_model_name(name: str, *, skip_model_parsing: bool = False) -> tuple[str | None, str]:
    """A provider, where the name says one before a slash, and the model."""
    provider, slash, model = name.partition("/")
    return (provider, model) if slash and not skip_model_parsing else (None, name)


def _try_import(name: str) -> None:
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


def _fork_trial(control: socket.socket, fds: list[int], listens: bool, calls: bytes | None) -> int:
    """Fork a warden, which forks the trial: the first process of its own namespaces.

    Without namespaces the warden itself ends what the trial leaves behind. The listener on
    the trial's loopback is given away before the trial exists, which inherits nothing of it.
    """
    fd, *others = fds
    listener = others.pop(0) if listens else None
    keeper = os.fork()
    if keeper:
        return keeper
    try:
        control.close()
        for group in others:
            os.write(group, b"0")
            os.close(group)
        if calls is not None:
            namespaces.enter()
            if listener is not None:
                loopback.up()
                loopback.give(listener)
        else:
            warden.become()
        child = os.fork()
        if child == 0:
            namespaces.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if calls is not None:
                namespaces.private_files()
            namespaces.limit()
            if calls is not None:
                namespaces.drop_capabilities()
                namespaces.filter_calls(calls)
            trial.main(fd)
            os._exit(0)
        os.close(fd)
        if calls is not None:
            os.waitpid(child, 0)
        else:
            warden.outlast(child)
    except BaseException as error:
        sys.stderr.write(f"trial not started: {error!r}\n")
    finally:
        os._exit(0)


def _reap(wardens: dict[str, int]) -> None:
    """Collect wardens that ended, so that a kill never meets a reused process id."""
    ended: set[int] = set()
    with suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            ended.add(pid)
    for name in [name for name, pid in wardens.items() if pid in ended]:
        del wardens[name]


def _kill(keeper: int | None, *, isolated: bool) -> None:
    """End a trial: with its warden goes its namespace, or what the warden finds of it."""
    if keeper is None:
        return
    with suppress(ProcessLookupError):
        os.kill(keeper, signal.SIGKILL if isolated else signal.SIGTERM)
