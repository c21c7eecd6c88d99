"""The worker's side of the harness process: start it, give it trials, serve their calls.

The harness sees its file, `.agent/`, its Python, scratch directories and one socket per
trial. It asks for environment calls over that socket; bytes travel, host paths do not. With
a gateway it reaches its model on its own loopback, and nothing else.
"""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harbor.environments.base import BaseEnvironment

from autoagent.environments.sandbox import bubblewrap, cgroups, seccomp
from autoagent.environments.sandbox.beneath import unpack
from autoagent.environments.sandbox.inside import loopback, wire
from autoagent.environments.sandbox.outside import Outside
from autoagent.errors import InfrastructureFault
from autoagent.records import clean
from autoagent.worker.calls import CallRecord, serve_call
from autoagent.worker.engine import EvaluationSpec

if TYPE_CHECKING:  # a harness without a model does not wait for an HTTP server's imports
    from autoagent.gateway.gateway import Gateway
    from autoagent.gateway.reach import Door

READY_SECONDS = 120.0
GRACE_SECONDS = 0.5
END_SECONDS = 5.0
CONCURRENT_CALLS = 16
RECORD = "environment-calls.jsonl"
LIMITS = cgroups.Limits(memory_bytes=2 * 2**30, processes=512)
"""What one trial of a harness may use, besides its small directories."""
CONTAINER = "/app"
"""Where an image of the open-source original's has its harness."""
START = """\
import sys
sys.path.insert(0, {root!r})
from autoagent.environments.sandbox.inside import zygote
sys.path.pop(0)
zygote.main({fd}, {harness!r}, calls={calls!r})
"""


class Ending(NamedTuple):
    """How the harness says it ended, and what the worker saw.

    `error` is None only where the harness finished by itself; `context` is its own claim.
    """

    error: str | None
    traceback: str
    context: dict[str, Any]


class HarnessProcess:
    """The fork server of one evaluation, sandboxed unless the human chose otherwise."""

    def __init__(
        self, spec: EvaluationSpec, side: str = "", gateway: "Gateway | None" = None
    ) -> None:
        """Describe the process; `running` starts it.

        Args:
            spec: The evaluation.
            side: Whose harness it is.
            gateway: The worker's, where harnesses may call a model.
        """
        self._gateway = gateway
        self._spec, self._harness = spec, spec.harnesses[side]
        self.digest = spec.running.digest_of(side)
        self._isolated = spec.isolation == "sandbox"
        self._etc = Path("/etc")
        self._outside: Outside | None = None
        self._control: socket.socket | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the fork server for as long as the block lasts; nothing of it survives.

        Raises:
            InfrastructureFault: It did not come up.
        """
        scratch_home = self._spec.scratch
        scratch_home.mkdir(parents=True, exist_ok=True)
        if self._isolated:
            bubblewrap.require()
            self._etc = bubblewrap.make_etc(scratch_home, network=False)
            self._outside = Outside.of(scratch_home, self._spec.images)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = (self._spec.directory / "harness.log").open("ab")
        with ours, log, tempfile.TemporaryDirectory(prefix="harness-", dir=scratch_home) as scratch:
            self._scratch = Path(scratch)
            if self._outside is not None:
                self._hand_over(self._outside)
            with theirs:
                process = subprocess.Popen(
                    self._command(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._outside.variables() if self._outside else self._environment(),
                    cwd="/",
                )
            try:
                await self._ready(ours)
                self._control = ours
                yield
            finally:
                self._control = None
                ours.close()
                if not self._isolated:  # it ends its trials first, as no namespace does that
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(END_SECONDS)
                process.kill()
                process.wait()

    async def run_trial(
        self,
        *,
        trial: str,
        task: str,
        instruction: str,
        environment: BaseEnvironment,
        logs: Path,
    ) -> Ending:
        """Run the harness once; ends when it ends, or is killed when this is cancelled."""
        if self._control is None:
            raise InfrastructureFault("The harness process is not running.")
        if self._spec.in_container:
            await self._place(environment)
        door = self._door(environment)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        group = cgroups.make(LIMITS)
        try:
            with theirs, (door and door.theirs) or contextlib.nullcontext() as listener:
                self._request(trial, theirs, listener or None, group)
        except OSError as error:  # no candidate can reach the fork server: the machine ended it
            ours.close()
            if door:
                door.close()
            if group is not None:
                await asyncio.to_thread(cgroups.remove, group)
            raise InfrastructureFault("The harness process is gone.") from error
        reader, writer = await asyncio.open_connection(sock=ours, limit=2**20)
        scratch = "/scratch" if self._isolated else tempfile.mkdtemp(dir=self._scratch)
        order = {
            "scratch": scratch,
            "file": str(self._mounted / self._spec.harness_file),
            "class": self._spec.harness_class,
            "model": self._spec.model,
            "task": task,
            "session": environment.session_id,
            "workdir": environment.task_env_config.workdir,
            "instruction": instruction,
        }
        record = CallRecord(logs.parent / RECORD)  # beside `agent/`, which the harness fills
        conversation = _Conversation(reader, writer, environment, record)
        async with contextlib.AsyncExitStack() as after_its_death:
            if group is not None:
                after_its_death.push_async_callback(asyncio.to_thread, cgroups.remove, group)
            try:
                if door is None:
                    await conversation.send(order | {"variables": {}})
                    return await conversation.serve(logs)
                after_its_death.callback(door.close)
                return await self._reaching(door, conversation, order, logs, after_its_death)
            except asyncio.CancelledError:
                await conversation.stop_soon(logs)
                raise
            finally:
                record.close()
                writer.close()
                with contextlib.suppress(OSError):
                    self._control.send(json.dumps({"kill": trial}).encode())
                if not self._isolated:
                    shutil.rmtree(scratch, ignore_errors=True)

    def _request(
        self,
        trial: str,
        theirs: socket.socket,
        listener: socket.socket | None,
        group: cgroups.Group | None,
    ) -> None:
        """Ask the fork server for a trial, which enters its group before it is anybody's."""
        assert self._control is not None
        with contextlib.ExitStack() as stack:
            doors = [stack.enter_context(door.open("wb")) for door in group.doors] if group else []
            given = [theirs.fileno(), *([listener.fileno()] if listener else [])]
            message = json.dumps({"trial": trial, "listener": listener is not None}).encode()
            socket.send_fds(self._control, [message], [*given, *(door.fileno() for door in doors)])

    def _hand_over(self, outside: Outside) -> None:
        """Copy the harness to where whoever a trial is may read it."""
        self._own = self._scratch / "harness"
        shutil.copytree(self._harness, self._own)
        outside.give(self._own)
        self._scratch.chmod(0o711)

    async def _place(self, environment: BaseEnvironment) -> None:
        """Put the harness's files where the part of it that runs in the environment is started.

        Raises:
            InfrastructureFault: They cannot be there; the candidate has not acted yet.
        """
        try:
            await environment.upload_dir(self._harness, CONTAINER)
        except OSError as error:
            raise InfrastructureFault(
                f"The harness's files could not be put into the task's {CONTAINER}: {error}"
            ) from error

    def _door(self, environment: BaseEnvironment) -> "Door | None":
        """The trial's way to its model, where it has one."""
        if self._gateway is None or not self._gateway.serves_harness:
            return None
        from autoagent.gateway.reach import Door

        name = environment.trial_paths.trial_dir.name
        return Door(self._gateway, name, "trial", loopback.PORT if self._isolated else None)

    async def _reaching(
        self,
        door: "Door",
        conversation: "_Conversation",
        order: dict[str, Any],
        logs: Path,
        after: contextlib.AsyncExitStack,
    ) -> Ending:
        """Serve a trial that calls a model: it ends too when its model answers no more.

        Raises:
            InfrastructureFault: The provider failed, so nothing was measured (rule R9).
        """
        from autoagent.gateway.reach import Reached, until_over

        scope, variables = await after.enter_async_context(door.open())
        await conversation.send(order | {"variables": variables})
        try:
            ending = await until_over(scope, conversation.serve(logs))
        except Reached:
            await conversation.stop_soon(logs)
            ending = _gone("")
        if scope.end is None:
            return ending
        if scope.end.kind == "fault":
            raise InfrastructureFault(scope.end.message)
        return _gone(scope.end.message)

    @property
    def _mounted(self) -> Path:
        return Path("/harness") if self._isolated else self._harness

    def _command(self, fd: int) -> list[str]:
        # The package's own root in the sandbox holds `inside` and nothing else.
        root = Path("/autoagent") if self._isolated else bubblewrap.INSIDE.parents[3]
        start = START.format(
            root=str(root),
            fd=fd,
            harness=str(self._mounted / self._spec.harness_file),
            calls=seccomp.program("harness") if self._isolated else None,
        )
        python = [sys.executable, "-I", "-B", "-c", start]
        if not self._isolated:
            return python
        assert self._outside is not None
        variables = self._environment()
        sandbox = bubblewrap.harness_sandbox(self._outside, self._own, self._etc, variables)
        return [*sandbox, *python]

    def _environment(self) -> dict[str, str]:
        """Nothing of the worker's own environment: no key, no proxy, no path of the user's."""
        home = "/scratch" if self._isolated else str(self._scratch)
        return {
            "HOME": home,
            "LANG": "C.UTF-8",
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HARBOR_TELEMETRY": "0",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }

    async def _ready(self, control: socket.socket) -> None:
        control.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            packet = await asyncio.wait_for(loop.sock_recv(control, 4096), READY_SECONDS)
        except TimeoutError:
            packet = b""
        control.setblocking(True)
        if not packet:
            text = (self._spec.directory / "harness.log").read_text(errors="replace")[-2000:]
            raise InfrastructureFault(
                f"The harness process did not start: {text.strip() or 'no output'}"
            )


class _Conversation:
    """One trial's socket: calls come in, answers go out, until the harness ends."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        environment: BaseEnvironment,
        record: CallRecord,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._environment, self._record = environment, record
        self._slots = asyncio.Semaphore(CONCURRENT_CALLS)
        self._ended = False

    async def send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        self._writer.write(wire.pack(message, blob))
        await self._writer.drain()

    async def serve(self, logs: Path) -> Ending:
        """Answer calls until the harness ends or is gone."""
        answers: set[asyncio.Task[None]] = set()
        try:
            while True:
                async with self._slots:  # a harness that asks faster than it is answered waits
                    received = await wire.receive(self._reader)
                if received is None:
                    return _gone("the harness process ended without a result")
                message, blob = received
                if "end" in message:
                    self._ended = True
                    await asyncio.to_thread(_unpack_logs, blob, logs)
                    return _ending(message)
                answer = asyncio.create_task(self._answer(message, blob))
                answers.add(answer)
                answer.add_done_callback(answers.discard)
        except wire.WireError as error:
            return _gone(f"the harness broke the protocol: {error}")
        finally:
            for answer in answers:
                answer.cancel()
            await asyncio.gather(*answers, return_exceptions=True)

    async def stop_soon(self, logs: Path) -> None:
        """Ask the harness to stop and hand over its logs; it gets a moment for that."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._stop(logs), GRACE_SECONDS)

    async def _stop(self, logs: Path) -> None:
        if self._ended:
            return
        await self.send({"cancel": True})
        while (received := await wire.receive(self._reader)) is not None:
            if "end" in received[0]:
                _unpack_logs(received[1], logs)
                return

    async def _answer(self, message: dict[str, Any], blob: bytes) -> None:
        async with self._slots:
            started = time.monotonic()
            answer, data = await serve_call(self._environment, message, blob)
            self._record.add(message, answer, data, time.monotonic() - started)
            with contextlib.suppress(ConnectionError):
                try:
                    await self.send({"id": message.get("id"), **answer}, data)
                except wire.WireError as error:
                    told = {"type": "ValueError", "error": str(error)}
                    await self.send({"id": message.get("id"), **told})


def _ending(message: dict[str, Any]) -> Ending:
    """Read the harness's last message; every field is a claim and may be anything."""
    context = message.get("context")
    if message.get("end") == "done":
        return Ending(None, "", context if isinstance(context, dict) else {})
    told = clean(str(message.get("traceback", "")))[:16384]
    return Ending(clean(str(message.get("error")))[:500], told, {})


def _gone(why: str) -> Ending:
    return Ending(why, "", {})


def _unpack_logs(blob: bytes, logs: Path) -> None:
    """What the harness left in its logs directory, as far as it is an archive of plain files."""
    with contextlib.suppress(tarfile.TarError, OSError, ValueError, EOFError):
        unpack(blob, logs, links=False)
