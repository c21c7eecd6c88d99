"""One trial inside its sandbox: load `agent.py`, run its agent, send back what it left.

Runs in a fork of the zygote, after every privilege is gone. From the moment the
candidate is imported nothing this process says is believed except as the candidate's
own words; the worker measures by itself.
"""

import asyncio
import errno
import importlib.util
import io
import logging
import os
import socket
import sys
import tarfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from autoagent.environments.sandbox.inside import wire
from autoagent.environments.sandbox.inside.namespaces import SCRATCH_BYTES
from autoagent.environments.sandbox.inside.remote import Calls, RemoteEnvironment

LOGS_LIMIT = 16 * 1024 * 1024
TRACEBACK_LIMIT = 16 * 1024
_CANCELLED = "the harness cancelled itself, or called sys.exit in a task of its own"


class _Exited(Exception):
    """The harness called sys.exit, which would end the loop that has to tell of it."""


def main(fd: int) -> None:
    """Run the trial whose messages come over `fd`. Never returns an error to the caller."""
    try:
        asyncio.run(_play(socket.socket(fileno=fd)))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()


async def _play(connection: socket.socket) -> None:
    connection.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**20)
    first = await wire.receive(reader)
    if first is None:
        return
    order = wire.Order.read(first[0])
    scratch = Path(order.scratch)
    logs = scratch / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    work = scratch / "work"
    work.mkdir(exist_ok=True)
    os.chdir(work)
    _redirect_output(logs / "harness.log")
    os.environ.update(order.variables)
    calls = Calls(reader, writer)
    task = asyncio.ensure_future(_run_agent(order, calls, logs))
    listening = asyncio.ensure_future(calls.listen(task))
    end: dict[str, Any]
    try:
        end = {"end": "done", "context": await task}
    except asyncio.CancelledError:
        end = {"end": "cancelled", "error": f"CancelledError: {_CANCELLED}"}
    except BaseException as raised:
        error = raised.__cause__ if isinstance(raised, _Exited) and raised.__cause__ else raised
        text = "".join(traceback.format_exception(error))
        said = _summary(error, order.file)
        end = {"end": "raised", "error": said, "traceback": text[-TRACEBACK_LIMIT:]}
    listening.cancel()
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    await calls.send(end, _pack_logs(logs))
    writer.close()


async def _run_agent(order: wire.Order, calls: Calls, logs: Path) -> dict[str, Any]:
    """Load the harness and run its Harbor agent once."""
    from harbor.models.agent.context import AgentContext
    from harbor.models.task.config import MCPServerConfig

    await calls.send({"begun": True})  # from here on it is the harness's own time
    try:
        module = _load(Path(order.file))
    except SystemExit as error:
        raise _Exited from error
    agent_class = getattr(module, order.class_name, None)
    if agent_class is None:
        raise AttributeError(f"{Path(order.file).name} defines no class {order.class_name!r}")
    environment = RemoteEnvironment(calls, order)
    context = AgentContext()
    given = dict(
        order.agent
    )  # as in Harbor: an agent is told of what there is, and of nothing else
    if "mcp_servers" in given:
        given["mcp_servers"] = [MCPServerConfig.model_validate(s) for s in given["mcp_servers"]]
    logger = logging.getLogger("agent")
    agent = agent_class(logs_dir=logs, model_name=order.model, logger=logger, **given)
    try:
        await agent.setup(environment)
        await agent.run(instruction=order.instruction, environment=environment, context=context)
    except SystemExit as error:
        raise _Exited from error
    return context.model_dump(mode="json", exclude_none=True)


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _redirect_output(path: Path) -> None:
    """What the harness prints belongs to its trial's logs."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _summary(error: BaseException, file: str) -> str:
    """What was raised, the limit that was met where it was one, and the harness's line."""
    said = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, SystemExit):
        said += ": the harness called sys.exit before it had a result"
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        most = SCRATCH_BYTES // 2**20
        said += f": a trial of the harness may write {most} MiB and 16384 files, what it prints too"
    return said + _place(error, file)


def _place(error: BaseException, file: str) -> str:
    """The innermost line of the harness that an error passed, in brackets."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    if not own:
        return ""
    return f" ({Path(file).name}:{own[-1].lineno}, in {own[-1].name})"


def _pack_logs(logs: Path) -> bytes:
    """The logs directory as a tar of plain files, smallest first, as much as fits."""
    buffer = io.BytesIO()
    files = sorted(
        (path for path in logs.rglob("*") if path.is_file() and not path.is_symlink()),
        key=lambda path: path.stat().st_size,
    )
    total = 0
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in files:
            total += path.stat().st_size
            if total > LOGS_LIMIT:
                break
            archive.add(path, arcname=str(path.relative_to(logs)))
    return buffer.getvalue()
