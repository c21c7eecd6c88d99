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
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harbor.environments.base import BaseEnvironment

from autoagent.environments.sandbox import bubblewrap, cgroups, seccomp
from autoagent.environments.sandbox.inside import loopback, wire
from autoagent.environments.sandbox.outside import Outside
from autoagent.environments.trials import trial_in_hand
from autoagent.errors import InfrastructureFault
from autoagent.evidence.trial_files import CALLS_FILE
from autoagent.gateway.calls.clock import Clock
from autoagent.worker.acting.calls import CallRecord
from autoagent.worker.acting.conversation import NO_RESULT, Conversation, Ending, gone
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.secrets import redactor_of

if TYPE_CHECKING:  # a harness without a model does not wait for an HTTP server's imports
    from autoagent.gateway.gateway import Gateway
    from autoagent.gateway.reach import Door

READY_SECONDS = 120.0
END_SECONDS = 5.0
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


class Places(NamedTuple):
    """Where what a harness leaves goes: its own logs, and beside them our record of its calls."""

    logs: Path
    record: Path


def _explained(ending: Ending, group: cgroups.Group | None) -> Ending:
    """Why a harness is gone that said nothing itself, as far as the machine knows."""
    if ending.error != NO_RESULT:
        return ending
    memory = f"{LIMITS.memory_bytes / 2**30:g} GiB"
    if group is not None and cgroups.ended_by_memory(group):
        return gone(f"{NO_RESULT}: it used up its memory, of which it has {memory}")
    bounds = f"of {memory} memory and {LIMITS.processes} processes"
    return gone(f"{NO_RESULT}: it called os._exit or was killed, perhaps at its limit {bounds}")


def _facts_of(environment: BaseEnvironment) -> dict[str, Any]:
    """What Harbor says of an environment; templates of variables, and no value."""
    return {
        "config": environment.task_env_config.model_dump(mode="json"),
        "capabilities": environment.capabilities.model_dump(mode="json"),
        "network_policy": environment.network_policy.model_dump(mode="json"),
        "user": environment.default_user,
    }


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
        self._isolated = spec.config.isolation == "sandbox"
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
        instruction: str,
        environment: BaseEnvironment,
        places: Places,
        clock: Clock,
        begun: Callable[[], None],
        given: Mapping[str, Any] | None = None,
    ) -> Ending:
        """Run the harness once; ends when it ends, or is killed when this is cancelled.

        Args:
            instruction: The task's.
            environment: Where its commands run.
            places: Where what it leaves goes.
            clock: The trial's time.
            begun: Called before the harness's first line runs: its time starts then.
            given: What Harbor gives an agent for the task: servers, a directory of skills.

        Raises:
            InfrastructureFault: The machine or the provider failed, so nothing was measured (R9).
        """
        if self._spec.config.harness.in_container:
            await self._place(environment)
        logs = places.logs
        async with contextlib.AsyncExitStack() as after_its_death:
            if (group := cgroups.make(LIMITS)) is not None:
                after_its_death.push_async_callback(asyncio.to_thread, cgroups.remove, group)
            if (door := self._door(environment)) is not None:
                after_its_death.callback(door.close)
            trial = environment.session_id
            connection = self._fork(trial, door, group)
            reader, writer = await asyncio.open_connection(sock=connection, limit=2**20)
            scratch = "/scratch" if self._isolated else tempfile.mkdtemp(dir=self._scratch)
            order = self._order(instruction, environment, scratch)._replace(agent=given or {})
            record = CallRecord(places.record / CALLS_FILE)
            conversation = Conversation(
                reader, writer, environment, record, clock, redactor_of(self._spec)
            )
            try:
                if door is not None:
                    ending = await self._reaching(
                        door, conversation, order, logs, begun, after_its_death
                    )
                else:
                    await conversation.begin(order)
                    begun()
                    ending = await conversation.serve(logs)
                return ending if conversation.ended else _explained(ending, group)
            except asyncio.CancelledError:
                clock.end()
                await conversation.stop_soon(logs)
                raise
            finally:
                hand = trial_in_hand(environment.trial_paths.trial_dir.name)
                hand.asked = hand.asked or conversation.asked
                record.close()
                writer.close()
                self._kill(trial)
                if not self._isolated:
                    shutil.rmtree(scratch, ignore_errors=True)

    def _order(self, instruction: str, environment: BaseEnvironment, scratch: str) -> wire.Order:
        return wire.Order(
            scratch=scratch,
            file=str(self._mounted / self._spec.config.harness.file),
            class_name=self._spec.config.harness.class_name,
            model=self._spec.model,
            task=environment.environment_name,
            session=environment.session_id,
            instruction=instruction,
            environment=_facts_of(environment),
        )

    def _fork(self, trial: str, door: "Door | None", group: cgroups.Group | None) -> socket.socket:
        """Ask the fork server for a trial, which enters its group before it is anybody's.

        Raises:
            InfrastructureFault: No candidate can reach the fork server: the machine ended it.
        """
        if self._control is None:
            raise InfrastructureFault("The harness process is not running.")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with contextlib.ExitStack() as given:
            sockets = [given.enter_context(theirs)]
            if door is not None and door.theirs is not None:
                sockets.append(given.enter_context(door.theirs))
            files = [given.enter_context(each.open("wb")) for each in group.doors] if group else []
            request = json.dumps({"trial": trial, "listener": len(sockets) > 1}).encode()
            handed = [each.fileno() for each in (*sockets, *files)]
            try:
                socket.send_fds(self._control, [request], handed)
            except OSError as error:
                ours.close()
                raise InfrastructureFault("The harness process is gone.") from error
        return ours

    def _kill(self, trial: str) -> None:
        """Have the fork server end a trial; one that is gone has ended it already."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"kill": trial}).encode())

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
        conversation: Conversation,
        order: wire.Order,
        logs: Path,
        begun: Callable[[], None],
        after: contextlib.AsyncExitStack,
    ) -> Ending:
        """Serve a trial that calls a model: it ends too when its model answers no more.

        Raises:
            InfrastructureFault: The provider failed, so nothing was measured (rule R9).
        """
        from autoagent.gateway.reach import until_over

        scope, variables = await after.enter_async_context(door.open())
        await conversation.begin(order._replace(variables=variables))
        begun()
        ending = await until_over(scope, conversation.serve(logs))
        if ending is None:
            await conversation.stop_soon(logs)
            ending = gone("")
        if scope.end is None:
            return ending
        if scope.end.kind == "fault":
            raise InfrastructureFault(scope.end.message)
        return gone(scope.end.message)

    @property
    def _mounted(self) -> Path:
        return Path("/harness") if self._isolated else self._harness

    def _command(self, fd: int) -> list[str]:
        # The package's own root in the sandbox holds `inside` and nothing else.
        root = Path("/autoagent") if self._isolated else bubblewrap.INSIDE.parents[3]
        start = START.format(
            root=str(root),
            fd=fd,
            harness=str(self._mounted / self._spec.config.harness.file),
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
