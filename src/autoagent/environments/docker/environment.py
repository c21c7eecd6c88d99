"""The `docker` environment: one container while the candidate acts, a fresh one to verify in.

When the candidate's phase ends its container is killed and compared with its image; the
verifier runs in a new container that holds what the candidate left, in which `/tests` is
read-only and `/logs/verifier` a fresh, small file system. A task that verifies a live
service is verified in place instead, and its trials say so.
"""

import asyncio
import contextlib
import functools
import os
import secrets
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, override

from docker.errors import APIError
from harbor.environments.base import ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities
from harbor.models.task.config import NetworkPolicy

from autoagent.environments.docker import daemon
from autoagent.environments.docker.bounds import bounded
from autoagent.environments.docker.container import Container, Volume
from autoagent.environments.docker.daemon import labels_for
from autoagent.environments.docker.images import builds
from autoagent.environments.docker.verifying.judging import Judged, Start, judge_container
from autoagent.environments.docker.verifying.restoring import fresh
from autoagent.environments.docker.verifying.watching import Watch, watch_of
from autoagent.environments.outputs import taking_out
from autoagent.environments.refereed import (
    HARBORS_CHMOD,
    RefereedEnvironment,
    to_its_end,
)
from autoagent.errors import InfrastructureFault

GUARDED = ("/tests", "/logs/verifier")
"""Fresh for the verifier."""
LOGS = ("/logs/agent", "/logs/artifacts", "/logs/verifier")
"""Harbor's directories for logs, open to everybody."""
SCRIPTS = ("/tests", "/solution")
"""Where Harbor puts what it then runs; it may be run as soon as it is there."""
REWARD_MB = 64
"""Size of the file system that the verifier writes to."""
_AS_ONE_STREAM = 'exec /bin/bash -c "$0" 2>&1'
"""Both streams as one, as Harbor gives them; a daemon, which reads each by itself, mixes them."""


class DockerEnvironment(RefereedEnvironment):
    """One trial's containers."""

    def __init__(
        self,
        *args: Any,
        state: str,
        evaluation: str,
        climb: str = "",
        in_place: Sequence[str] = (),
        as_left: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """Describe the environment.

        Args:
            args: Harbor's.
            state: The workspace's state directory.
            evaluation: The evaluation's own directory.
            climb: The climb's tag, if it is of one.
            in_place: Directories of tasks that are verified where the candidate acted.
            as_left: Directories of tasks whose verifier starts with what the candidate left.
            kwargs: Harbor's.
        """
        super().__init__(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self._trial = self.trial_paths.trial_dir.name
        self._labels = labels_for(state, evaluation, self._trial, climb)
        self._evaluation = evaluation
        self._in_place = str(self.environment_dir.parent) in in_place
        self._as_left = str(self.environment_dir.parent) in as_left
        self._image: builds.Built | None = None
        self._containers: list[Container] = []
        self._running: asyncio.Future[Container] | None = None
        self._watch: Watch
        self._begun: list[asyncio.Future[Any]] = []
        self._tests: Volume | None = None
        self._volumes: list[Volume] = []
        self._snapshot = ""
        self._scripts = False
        self._verifying: dict[str, str] = {}

    @staticmethod
    @override
    def type() -> str:
        return "docker"

    @property
    @override
    def capabilities(self) -> EnvironmentCapabilities:
        return EnvironmentCapabilities(
            disable_internet=True, dynamic_network_policy=True, mounted=False
        )

    @override
    def _validate_definition(self) -> None:
        """Tasks were inspected when the climb started; nothing else gets here."""

    @override
    async def start(self, force_build: bool) -> None:
        """Build the image where that is due, and start a container of it."""
        with self._our_faults():
            self._watch = await daemon.ask(watch_of, self._evaluation)
            self._image = await builds.image_of(
                self.environment_dir,
                self.task_env_config.docker_image,
                self._labels,
                self.task_env_config.build_timeout_sec,
            )
            container = await self._new(self._image.id, self._network(), with_entry=True)
            await daemon.ask(container.start)
            self._running = self._begin(self._furnished(container))

    async def _furnished(self, container: Container) -> Container:
        await daemon.ask(container.furnish, *LOGS)
        return container

    @override
    async def stop(self, delete: bool) -> None:
        """Wait for what is known of the trial by then, and remove everything."""
        self._running = None
        try:
            if self._begun:
                await asyncio.wait(self._begun)
            with contextlib.suppress(InfrastructureFault), self._our_faults():
                if self._containers:
                    self._watch.require()
            await asyncio.gather(*(daemon.ask(each.remove) for each in self._containers))
            if self._containers:
                last = self._containers[-1]
                self._note(await daemon.ask(self._watch.foreign, last, self._volumes))
            for work in self._begun:
                work.result()
        except (InfrastructureFault, APIError) as error:
            self.in_hand.fault = str(error)
        finally:
            await self._clear()

    @override
    @contextlib.asynccontextmanager
    async def agent_phase(self) -> AsyncGenerator[None]:
        self._acting = True
        try:
            yield
        finally:
            self._acting = False
            with self._our_faults():
                await to_its_end(self._end_agent_phase())

    async def _end_agent_phase(self) -> None:
        """Put the verifier where nothing of the candidate's lives.

        Its container is made while what the candidate left, which is nobody's any more, is
        compared with the image. Nothing runs in it before that is done.
        """
        used = await self._container()
        self._watch.require()
        if self._in_place:
            self.in_hand.in_place = True
            self._note((await daemon.ask(self._judge, used)).said)
            return
        if self._as_left:
            self.in_hand.as_left = True
        guarding = self._begin(daemon.ask(self._guard))
        await daemon.ask(used.kill)
        self._verifying = {} if self._as_left else dict(fresh())
        self._snapshot = await daemon.ask(used.snapshot, self._labels)
        host = {**self._network(), "binds": await guarding}
        judging = self._begin(self._judged(used))
        if self._the_image.volumes:  # no snapshot holds them, so the verifier gets them as they are
            await judging
            host["volumes_from"] = [used.id]
        self._running = self._begin(self._fresh(host, judging))
        await judging

    async def _judged(self, used: Container) -> bytes | None:
        """Note what the candidate did, and whose hands were in its container; what is put back."""
        judged = await daemon.ask(self._judge, used)
        self._note(judged.said)
        self._note(await daemon.ask(self._watch.foreign, used))
        return judged.restored

    async def _fresh(
        self, host: Mapping[str, Any], judging: asyncio.Future[bytes | None]
    ) -> Container:
        """A new container that holds what the candidate left, and what the image had at home."""
        made = await self._new(self._snapshot, host)
        for volume in self._volumes:
            volume.mounted_by.add(made.id)
        await daemon.ask(made.start)
        if (restored := await asyncio.shield(judging)) is not None:
            await daemon.ask(made.restore, restored)
        return made

    def _guard(self) -> list[str]:
        """What is mounted for the verifier."""
        small = {"type": "tmpfs", "device": "tmpfs", "o": f"size={REWARD_MB}m,mode=0777"}
        tests = Volume(self._labels)
        self._volumes.append(tests)
        logs = Volume(self._labels, small)
        self._volumes.append(logs)
        tests.open(self._the_image.id)
        self._tests = tests
        return [tests.at("/tests", "ro"), logs.at("/logs/verifier")]

    def _begin[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Begin what is waited for later, at the latest when everything is removed."""
        begun = asyncio.ensure_future(work)
        begun.add_done_callback(_collected)
        self._begun.append(begun)
        return begun

    def _network(self) -> dict[str, Any]:
        """The network that a container has until Harbor gives it another."""
        return {"network_mode": "none" if self._network_disabled else "bridge"}

    async def _new(
        self, image: str, more: Mapping[str, Any], *, with_entry: bool = False
    ) -> Container:
        """A container of ours, in the task's bounds; a candidate's ENTRYPOINT is never run."""
        how = {"with_entry": with_entry, "offline": self._offline}
        make = functools.partial(Container, image, self._labels, **how)
        made = await daemon.ask(bounded, make, self.task_env_config, more)
        self._containers.append(made)
        return made

    def _judge(self, used: Container) -> Judged:
        start = Start(
            task=self.environment_dir.parent,
            work=self.task_env_config.workdir or self._the_image.work,
            user=str(self._resolve_user(None) or ""),
            in_place=self._in_place,
            as_left=self._as_left,
            directories=tuple(self._verifying[name] for name in ("TMPDIR",) if self._verifying),
        )
        return judge_container(used, self._the_image, self._labels, start)

    @override
    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        """Run a shell command.

        Raises:
            RuntimeError: It took longer than `timeout_sec`; what it started was ended.
        """
        container = await self._container()
        if self._scripts and not self._acting and HARBORS_CHMOD.fullmatch(command):
            return ExecResult(stdout="", stderr="", return_code=0)  # uploads are executable there
        variables = {**self._verifying, **(self._merge_env(env) or {})}
        place = cwd or self.task_env_config.workdir
        marker = secrets.token_hex(8)
        shell = ["/bin/bash", "-c", _AS_ONE_STREAM, command]
        with self._our_faults():
            running = asyncio.ensure_future(
                daemon.ask(container.run, shell, variables, place, self._resolve_user(user), marker)
            )
            try:
                async with asyncio.timeout(timeout_sec):
                    done = await asyncio.shield(running)
            except TimeoutError:
                raise RuntimeError(f"Command timed out after {timeout_sec} seconds") from None
            finally:
                if not running.done():
                    running.add_done_callback(_collected)
                    await self._end(container, marker)
        said = done.output.decode("utf-8", "replace")
        return ExecResult(stdout=said, stderr="", return_code=done.return_code)

    async def _end(self, container: Container, marker: str) -> None:
        with contextlib.suppress(APIError, InfrastructureFault, TimeoutError):
            ending = asyncio.ensure_future(daemon.ask(container.end, marker))
            ending.add_done_callback(_collected)
            await asyncio.wait_for(asyncio.shield(ending), 5)

    @override
    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        with self._our_faults():
            container = await self._container()
            await daemon.ask(container.put_file, Path(source_path), target_path)

    @override
    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        source = Path(source_dir)
        place = None if self._acting else _script_place(target_dir)
        with self._our_faults():
            if place is not None:
                self._scripts = True
            if self._tests is not None and place is not None and place.startswith("/tests"):
                inside = place.removeprefix("/tests") or "/"  # read-only where they are run
                await daemon.ask(self._tests.fill, source, inside)
                return
            container, mode = await self._container(), None if place is None else 0o755
            await daemon.ask(container.put_tree, source, place or target_dir, mode)

    @override
    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        with self._our_faults():
            container = await self._container()
            await daemon.ask(container.get_file, source_path, Path(target_path))

    @override
    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        target = Path(target_dir)
        with self._our_faults():
            container = await self._container()
            async with taking_out(source_dir, target):
                await daemon.ask(container.get_tree, source_dir, target)

    @override
    async def is_dir(self, path: str, user: str | int | None = None) -> bool:
        known = await daemon.ask((await self._container()).is_directory, path)
        return await super().is_dir(path, user) if known is None else known

    @override
    async def is_file(self, path: str, user: str | int | None = None) -> bool:
        known = await daemon.ask((await self._container()).is_file, path)
        return await super().is_file(path, user) if known is None else known

    @override
    async def empty_dirs(self, dirs: Any, *, chmod: bool = True) -> ExecResult | None:
        """Harbor's call before it verifies; what is guarded is fresh by then."""
        left = [path for path in dirs if self._tests is None or str(path) not in GUARDED]
        return await super().empty_dirs(left, chmod=chmod)

    @override
    async def _apply_network_policy(self, network_policy: NetworkPolicy) -> None:
        before = self._network_disabled
        after = network_policy.network_mode.value == "no-network"
        if before != after and self._running is not None:
            await daemon.ask((await self._container()).connect, network=not after)

    @property
    def _offline(self) -> bool:
        """Whether no phase has a network; a service may want one set up before it starts."""
        policies = (self._network_policy, *self._phase_network_policies)
        modes = {policy.network_mode.value for policy in policies}
        return modes == {"no-network"} and not self._the_image.has_entry

    @property
    def _the_image(self) -> builds.Built:
        assert self._image is not None, "the environment was started"
        return self._image

    async def _container(self) -> Container:
        """The container that is running now, once it is ready."""
        if self._running is None:
            raise RuntimeError("The environment is not running.")
        return await asyncio.shield(self._running)

    def _note(self, said: str | None) -> None:
        """Remember what makes the trial tampered."""
        self.in_hand.note_tampering(said)

    async def _clear(self) -> None:
        """Remove what the verification needed; what is in use is the janitor's."""
        removing = [daemon.ask(volume.remove) for volume in self._volumes]
        if self._snapshot:
            removing.append(daemon.ask(daemon.client().remove_image, self._snapshot, force=True))
        for failed in await asyncio.gather(*removing, return_exceptions=True):
            if isinstance(failed, BaseException) and not isinstance(failed, APIError):
                raise failed


def _script_place(path: str) -> str | None:
    """A path whose files may be run as soon as they are there; None where it is another."""
    full = os.path.normpath(f"/{path.lstrip('/')}")
    return full if any(f"{full}/".startswith(f"{place}/") for place in SCRIPTS) else None


def _collected(ended: asyncio.Future[Any]) -> None:
    """Nobody waits for this any more, so its failure is nobody's."""
    if not ended.cancelled():
        ended.exception()
