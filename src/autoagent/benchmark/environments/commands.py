"""Running one command in a sandbox: the command line, bounded output, and a sure end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from harbor.environments.base import ExecResult

from autoagent.benchmark import bubblewrap
from autoagent.benchmark.environments.storage import Storage
from autoagent.errors import InfrastructureFault

OUTPUT_LIMIT = 8 * 1024 * 1024
END_SECONDS = 5.0


def sandbox_command(
    root: Path,
    *,
    etc: Path,
    place: str,
    variables: Mapping[str, str],
    network: bool,
    mounts: list[str],
) -> list[str]:
    """The bubblewrap command that runs something over `root` with the system read-only around it.

    The user inside is 0 without any capability; outside it is whoever runs the worker.
    """
    command = [bubblewrap.binary(), "--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0"]
    command += ["--cap-drop", "ALL", "--die-with-parent", "--new-session", "--hostname", "task"]
    if network:
        command += ["--share-net"]
    command += ["--bind", str(root), "/", *bubblewrap.system_binds()]
    command += ["--ro-bind", str(etc), "/etc"]
    command += [*bubblewrap.environment_binds(), "--proc", "/proc", "--dev", "/dev", *mounts]
    command += ["--chdir", place, "--clearenv"]
    for name, value in {**bubblewrap.environment_variables(), **variables}.items():
        command += ["--setenv", name, value]
    return command


async def run(
    command: list[str],
    timeout_sec: float | None,
    given: socket.socket | None = None,
    *,
    before: Sequence[str] = (),
    storage: Storage | None = None,
) -> ExecResult:
    """Run a sandbox command to its end, keeping a bounded part of its output.

    When it ends, is cancelled or runs out of time, every process it started is gone.

    Args:
        command: Begins with bubblewrap.
        timeout_sec: How long it may take.
        given: A socket that goes to the command, under its own number, and is closed here.
        before: A command that becomes this one.
        storage: What it may fill; None is not looked at.

    Raises:
        RuntimeError: It took longer than `timeout_sec` (Harbor's own words for it).
        StorageExceeded: It wrote more than there is room for.
        InfrastructureFault: The sandbox could not be made, so nothing ran.
    """
    status_read, status_write = os.pipe()
    with os.fdopen(status_read, "rb") as status:
        try:
            process = await _start(
                [*before, command[0], "--json-status-fd", str(status_write), *command[1:]],
                pass_fds=(status_write, *([given.fileno()] if given else [])),
            )
        finally:
            os.close(status_write)
            if given is not None:
                given.close()
        result = await _outcome(process, timeout_sec, signal.SIGKILL, storage)
        if not _started(status):
            said = (result.stderr or "").strip()[-1000:]
            raise InfrastructureFault(f"The sandbox was not made: {said}")
        return result


async def run_plain(
    command: list[str],
    timeout_sec: float | None,
    *,
    variables: Mapping[str, str],
    place: Path,
    ending: signal.Signals,
) -> ExecResult:
    """Run a command as a plain process in a session of its own, in the same bounds.

    Args:
        command: A program that ends what it started when it gets the signal `ending`.
        timeout_sec: As for `run`.
        variables: Its whole environment.
        place: The directory it starts in.
        ending: Sent when it is cancelled or out of time; SIGKILL follows.

    Raises:
        RuntimeError: It took longer than `timeout_sec` (Harbor's own words for it).
    """
    process = await _start(command, variables=variables, place=place)
    return await _outcome(process, timeout_sec, ending)


async def _start(
    command: list[str],
    *,
    variables: Mapping[str, str] | None = None,
    place: Path | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Process:
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables or {},
        cwd=place,
        pass_fds=pass_fds,
        start_new_session=place is not None,
    )


async def _outcome(
    process: Process,
    timeout_sec: float | None,
    ending: signal.Signals,
    storage: Storage | None = None,
) -> ExecResult:
    assert process.stdout is not None and process.stderr is not None
    reading = asyncio.gather(_read(process.stdout), _read(process.stderr))
    watching = asyncio.create_task(storage.watch()) if storage else None
    try:
        async with asyncio.timeout(timeout_sec):
            waiting = {reading, watching} if watching else {reading}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if watching and watching.done():
                watching.result()
            stdout, stderr = await reading
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
            await _end(process, ending)
    return ExecResult(stdout=stdout, stderr=stderr, return_code=return_code)


async def _end(process: Process, ending: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(ending)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)
            return
        process.kill()
        # asyncio waits for the pipes as well, and a bubblewrap that was killed between its fork and
        # its first word leaves a child that holds them, runs nothing and never ends by itself.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)


async def _read(stream: asyncio.StreamReader) -> str:
    """Read to the end, keeping the first part; what is beyond is read and dropped."""
    kept = bytearray()
    while chunk := await stream.read(65536):
        kept += chunk[: OUTPUT_LIMIT - len(kept)]
    return kept.decode("utf-8", "replace")


def _started(status: IO[bytes]) -> bool:
    """Whether bubblewrap says that it started the command."""
    lines = status.read(65536).splitlines()
    return any("child-pid" in json.loads(line) for line in lines if line.startswith(b"{"))
