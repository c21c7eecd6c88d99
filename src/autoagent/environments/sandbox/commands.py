"""Running one command in a sandbox: the command line, bounded output, and a sure end."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from harbor.environments.base import ExecResult

from autoagent.environments.sandbox import bubblewrap, seccomp
from autoagent.environments.sandbox.outside import Outside
from autoagent.environments.sandbox.storage import Storage
from autoagent.errors import InfrastructureFault

OUTPUT_LIMIT = 8 * 1024 * 1024
END_SECONDS = 5.0


def sandbox_options(
    outside: Outside,
    root: Path,
    *,
    system: Sequence[str],
    place: str,
    variables: Mapping[str, str],
    network: bool,
    mounts: list[str],
) -> list[str]:
    """Bubblewrap's options to run something over `root`, with a system around it.

    The user inside is 0 without any capability; outside it is nobody, or whoever runs the worker.
    """
    options = ["--hostname", "task", *([] if network else ["--unshare-net"])]
    options += ["--bind", outside.seen(root), "/", *system, *mounts, "--chdir", place]
    return options + bubblewrap.setting(variables)


async def run(
    outside: Outside,
    options: Sequence[str],
    command: Sequence[str],
    timeout_sec: float | None,
    given: socket.socket | None = None,
    *,
    before: Sequence[str] = (),
    storage: Storage | None = None,
    who: seccomp.Who = "task",
) -> ExecResult:
    """Run a command in a sandbox to its end, keeping a bounded part of its output.

    When it ends, is cancelled or runs out of time, every process it started is gone.

    Args:
        outside: What the sandbox is started in.
        options: The sandbox, in bubblewrap's words.
        command: What runs in it.
        timeout_sec: How long it may take.
        given: A socket that goes to the command, under its own number, and is closed here.
        before: A command that becomes the one after it.
        storage: What it may fill; None is not looked at.
        who: Which system calls it may make.

    Raises:
        RuntimeError: It took longer than `timeout_sec` (Harbor's own words for it).
        StorageExceeded: It wrote more than there is room for.
        InfrastructureFault: The sandbox could not be made, so nothing ran.
    """
    status_read, status_write = os.pipe()
    filter_read = _readable(seccomp.program(who))
    with os.fdopen(status_read, "rb") as status, contextlib.ExitStack() as stack:
        try:
            told = ["--json-status-fd", str(status_write), "--seccomp", str(filter_read)]
            running = await _start(
                stack,
                [*before, *outside.starting([*told, *options]), "--", *command],
                variables=outside.variables(),
                owner=outside.owner,
                pass_fds=(status_write, filter_read, *([given.fileno()] if given else [])),
            )
        finally:
            os.close(status_write)
            os.close(filter_read)
            if given is not None:
                given.close()
        result = await _outcome(running, timeout_sec, storage)
        if not _started(status):
            said = (result.stdout or "").strip()[-1000:]
            raise InfrastructureFault(f"The sandbox was not made: {said}")
        return result


class _Running(NamedTuple):
    """A process, and what it prints: as Harbor's own, to both in the order of their coming."""

    process: Process
    output: asyncio.StreamReader


async def _start(
    stack: contextlib.ExitStack,
    command: Sequence[str],
    *,
    variables: Mapping[str, str],
    owner: int | None,
    pass_fds: tuple[int, ...],
) -> _Running:
    """Start a process; the stack closes its pipe.

    Args:
        stack: Left when the process ended.
        command: What runs.
        variables: Its whole environment.
        owner: Whose the pipe is: only who owns a pipe may open /dev/stderr.
        pass_fds: What it inherits.
    """
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as theirs:
        ours, end = os.pipe()
        theirs.callback(os.close, end)
        if owner is not None:
            os.fchown(end, owner, owner)
        reader = asyncio.StreamReader()
        protocol, pipe = asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", 0)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, pipe)
        stack.callback(transport.close)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=end,
            stderr=end,
            env=variables,
            cwd="/",  # a shell puts it into the environment, where a trial reads it
            pass_fds=pass_fds,
        )
    return _Running(process, reader)


async def _outcome(
    running: _Running, timeout_sec: float | None, storage: Storage | None
) -> ExecResult:
    process = running.process
    reading = asyncio.ensure_future(_read(running.output))
    watching = asyncio.create_task(storage.watch()) if storage else None
    try:
        async with asyncio.timeout(timeout_sec):
            waiting = {reading, watching} if watching else {reading}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if watching and watching.done():
                watching.result()
            output = await reading
            return_code = await process.wait()
        if storage:
            storage.check()
    except TimeoutError:
        raise RuntimeError(f"Command timed out after {timeout_sec} seconds") from None
    finally:
        for task in (reading, watching):
            if task:
                task.cancel()
        if process.returncode is None:
            await _end(process)
    return ExecResult(stdout=output, stderr="", return_code=return_code)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)


async def _read(stream: asyncio.StreamReader) -> str:
    """Read to the end, keeping the first part; what is beyond is read and dropped."""
    kept = bytearray()
    while chunk := await stream.read(65536):
        kept += chunk[: OUTPUT_LIMIT - len(kept)]
    return kept.decode("utf-8", "replace")


def _readable(data: bytes) -> int:
    """A descriptor that gives a few bytes and ends."""
    ours, theirs = os.pipe()
    os.write(theirs, data)  # a pipe holds more
    os.close(theirs)
    return ours


def _started(status: IO[bytes]) -> bool:
    """Whether bubblewrap says that it started the command."""
    lines = status.read(65536).splitlines()
    return any("child-pid" in json.loads(line) for line in lines if line.startswith(b"{"))
