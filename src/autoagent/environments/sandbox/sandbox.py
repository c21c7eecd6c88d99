"""The `sandbox` environment: Harbor tasks without Docker, in bubblewrap.

A trial has a root directory of its own, writable everywhere except the system directories, which
are the host's, read-only, or an image's own (`system`). Every `exec` is one sandbox with its own
process namespace: nothing the candidate started is alive when the verifier runs. `/tests`,
`/solution` and `/logs/verifier` are mounted from directories the agent phase never sees, which hide
whatever it plants there. So is `/verifier`, our own interpreter's packages for the verifier, where
there is no image. Where the human lets a harness run a part of itself in here, its commands find
packages in `/sdk`, reach its model, and nothing more.
"""

import asyncio
import os
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harbor.environments.base import ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities
from harbor.models.task.config import NetworkPolicy

from autoagent.environments.refereed import (
    HARBORS_CHMOD,
    MEMORY_MB,
    PROCESSES,
)
from autoagent.environments.sandbox import bubblewrap, cgroups
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.bubblewrap import environment_variables
from autoagent.environments.sandbox.commands import run, sandbox_options
from autoagent.environments.sandbox.images import Image, Images, copy_tree
from autoagent.environments.sandbox.inside import loopback
from autoagent.environments.sandbox.outside import Outside
from autoagent.environments.sandbox.phases import GUARDED, Phases
from autoagent.environments.sandbox.steps import Carried
from autoagent.environments.sandbox.storage import Storage
from autoagent.environments.sandbox.system import OwnSystem
from autoagent.environments.trees import remove_tree
from autoagent.errors import InfrastructureFault
from autoagent.gateway.money.usage import Caller
from autoagent.workspace.tasks.task_toml import ROOT

if TYPE_CHECKING:  # only an evaluation with a judge waits for the gateway's imports
    from autoagent.gateway.reach import Door

PACKAGES = "/verifier"
"""Where a verifier finds what it may import, harbor-rewardkit above all; guarded likewise."""
STORAGE_MB = 10240
"""What a trial may write where its task does not say."""
SDK = "/sdk"
"""Where the part of a harness that runs in here finds its packages, in the agent phase alone."""


class SandboxEnvironment(Phases):
    """One trial's environment."""

    def __init__(
        self,
        *args: Any,
        images: str,
        scratch: str,
        in_container: bool = False,
        as_left: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """Describe the environment.

        Args:
            args: Harbor's.
            images: Directory of built root directories, by content.
            scratch: The evaluation's own directory, for roots of running trials.
            in_container: A part of the harness runs in here.
            as_left: Directories of tasks whose verifier starts with what the candidate left.
            kwargs: Harbor's.
        """
        self._as_left = as_left
        self._verifying, self._carried = {}, Carried()
        self._in_container = in_container
        self._images, self._scratch = Images(Path(images)), Path(scratch)
        self._home: Path | None = None
        self._image: Image | None = None
        self._system: OwnSystem | None = None
        self._group: cgroups.Group | None = None
        self._outside: Outside | None = None
        self._storage: Storage | None = None
        super().__init__(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]

    @staticmethod
    def type() -> str:
        """The kind of environment, as autoagent.toml names it."""
        return "sandbox"

    @property
    def capabilities(self) -> EnvironmentCapabilities:
        """No network or all of it, switchable between phases; nothing is mounted from the host."""
        return EnvironmentCapabilities(
            disable_internet=True, dynamic_network_policy=True, mounted=False
        )

    def _validate_definition(self) -> None:
        """Tasks were inspected when the climb started; nothing else gets here."""

    async def _apply_network_policy(self, network_policy: NetworkPolicy) -> None:
        """Every exec makes its own namespace, so the next one follows the new policy."""

    async def start(self, force_build: bool) -> None:
        """Make the trial's root directory from its image, building that first if needed."""
        with self._our_faults():
            bubblewrap.require()
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._outside = await asyncio.to_thread(
                Outside.of, self._scratch, self._images.directory
            )
            self._home = Path(tempfile.mkdtemp(prefix="trial-", dir=self._scratch))
            self._home.chmod(0o711)
            for name in GUARDED.values():
                (self._home / name).mkdir()
                self._give(self._home / name)
            self._image = image = await self._images.get(
                self.environment_dir,
                self._build_step,
                self._owner,
                self.task_env_config.docker_image,
            )
            await asyncio.to_thread(
                copy_tree, image.root, self._home / "root", image.system(self._work)
            )
            self._give(self._home / "root")
            if image.has_system:
                self._refuse_model()
                self._system = OwnSystem(image, self._work, self._home, self._outside)
            if self.environment_dir.name == "tests":  # a verifier's own image has them
                self._take_tests(image)
            for path in ("/logs/agent", "/logs/artifacts", *self._mount_points()):
                self._root().empty(path)
            memory = self.task_env_config.memory_mb or MEMORY_MB
            self._group = cgroups.make(cgroups.Limits(memory * 2**20, PROCESSES))
            self._storage = Storage(self._home, self._storage_bytes)

    async def stop(self, delete: bool) -> None:
        """Remove everything. Nothing is left running: each exec ended with its namespace."""
        if self._group is not None:
            group, self._group = self._group, None
            await asyncio.to_thread(cgroups.remove, group)
        if self._home is not None:
            home, self._home = self._home, None
            await asyncio.to_thread(remove_tree, home)

    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        """Run a shell command in a sandbox of its own; everything it started ends with it.

        Raises:
            RuntimeError: It took longer than `timeout_sec`; it was killed with all it started.
            ValueError: The user is another than root, whom alone the sandbox has.
        """
        if (who := self._resolve_user(user)) not in (None, *ROOT):
            raise ValueError(
                f"user {str(who)[:60]!r}: the sandbox has root alone; other users need "
                'environment = "docker".'
            )
        image = self._image
        if image is None or self._home is None:
            raise RuntimeError("The environment is not running.")
        variables = {**image.variables, **self._verifying, **(self._merge_env(env) or {})}
        if not self._acting and (wanted := HARBORS_CHMOD.fullmatch(command)):
            return self._make_executable(wanted[1])
        place = cwd or self._work
        running = image._replace(root=self._home / "root", variables=variables)
        with self._our_faults():
            return await self._run(running, place, ["/bin/bash", "-c", command], timeout_sec)

    @property
    def _storage_bytes(self) -> int:
        return (self.task_env_config.storage_mb or STORAGE_MB) * 2**20

    def _acting_storage(self) -> Storage | None:
        """What the candidate may fill; a verifier is not held to account for what it left.

        Raises:
            StorageExceeded: It filled it before.
        """
        if not self._acting or self._storage is None:
            return None
        self._storage.check()
        return self._storage

    def _entering(self, *, building: bool) -> list[str]:
        """What starts a command within the trial's bounds, where there are any."""
        if building or self._group is None:
            return []
        return cgroups.entering(self._group, self._storage_bytes)

    def _make_executable(self, path: str) -> ExecResult:
        """What Harbor asks for before a script, done here: where it lies is mounted read-only."""
        files, inner = self._placed(path)
        files.make_executable(inner)
        return ExecResult(stdout="", stderr="", return_code=0)

    def _mount_points(self) -> list[str]:
        """Empty directories of the root that something is mounted over in one of the phases."""
        own = [] if self._system else [PACKAGES]
        return [*GUARDED, *own, *([SDK] if self._in_container else [])]

    def _bound(self) -> list[str]:
        """The guarded directories, mounted for everybody but the candidate, or its packages."""
        if self._home is None or self._outside is None:
            return []
        if self._acting:
            return bubblewrap.sdk_binds(self._outside, SDK) if self._in_container else []
        mounts = [] if self._system else bubblewrap.package_binds(self._outside, PACKAGES)
        for path, name in GUARDED.items():
            kind = "--bind" if path == "/logs/verifier" else "--ro-bind"
            mounts += [kind, self._outside.seen(self._home / name), path]
        return mounts

    async def _build_step(self, image: Image, command: tuple[str, ...]) -> ExecResult:
        """A RUN instruction: the same sandbox, with a network, over the image being built."""
        seconds = self.task_env_config.build_timeout_sec
        return await self._run(image, image.workdir, command, seconds, building=True)

    @property
    def _owner(self) -> int | None:
        """Who owns the trial's files, where that is not this process's user."""
        return None if self._outside is None else self._outside.owner

    def _give(self, tree: Path) -> None:
        """Make a tree the trial's."""
        if self._outside is not None:
            self._outside.give(tree)

    async def _run(
        self,
        image: Image,
        place: str,
        command: Sequence[str],
        timeout_sec: float | None,
        *,
        building: bool = False,
    ) -> ExecResult:
        """One command over the image's root directory, with exactly its variables."""
        network = building or not self._network_disabled
        door = None if building else self._door(own_network=not network)
        listener = door.theirs if door else None
        outside = self._outside
        assert outside is not None, "the environment was started"

        if not image.has_system:
            etc = bubblewrap.make_etc(self._scratch, network=network)
            system, first = bubblewrap.system_around(outside, etc), environment_variables()
        elif building or self._system is None:
            system, first = bubblewrap.image_around(), bubblewrap.IMAGE_VARIABLES
        else:
            system, first = self._system.mounts(network=network), bubblewrap.IMAGE_VARIABLES

        def sandboxed(found: Mapping[str, str]) -> Coroutine[Any, Any, ExecResult]:
            variables = {**self._own_variables(SDK), **image.variables, **found}
            options = sandbox_options(
                outside,
                image.root,
                system=system,
                place=place,
                # What listens first must not be steered by variables of the candidate's.
                variables={**first, **({} if listener else variables)},
                network=network,
                mounts=[] if building else self._bound(),
            )
            listening = bubblewrap.listening(listener, variables)
            return run(
                outside,
                options,
                [*listening, *command],
                timeout_sec,
                listener,
                before=self._entering(building=building),
                storage=self._acting_storage(),
                who="image" if image.has_system else "task",
            )

        return await (door.answer_while(sandboxed) if door else sandboxed({}))

    def _door(self, *, own_network: bool) -> "Door | None":
        """A command's way to the model of whoever runs it in this phase, where there is one."""
        caller: Caller = "trial" if self._acting else "verifier"
        make = self.in_hand.doors.get(caller)
        return None if make is None else make(loopback.PORT if own_network else None)

    def _own_variables(self, packages: str) -> dict[str, str]:
        """What a part of the harness in here finds set, besides its way to the model."""
        return {"PYTHONPATH": packages} if self._in_container and self._acting else {}

    @property
    def _work(self) -> str:
        """Where commands start."""
        assert self._image is not None
        return self.task_env_config.workdir or self._image.workdir

    def _take_tests(self, image: Image) -> None:
        """Mount what a verifier's own image has at /tests there, as others' tests are."""
        assert self._home is not None
        if Beneath(image.root).is_real_directory("/tests"):
            tests = Beneath(self._home / "tests", owner=self._owner)
            tests.write_tree(image.root / "tests", "/")

    def _refuse_model(self) -> None:
        """Refuse a way to the model from in there: what leads to it needs this machine's system."""
        if self._in_container or self.in_hand.doors:
            raise InfrastructureFault(
                "`harness.in_container` and `gateway.judge` need a task that starts from "
                "`FROM autoagent-base`; this one has an image of its own."
            )

    def _placed(self, path: str, *, writing: bool = False) -> tuple[Beneath, str]:
        """The directory a path lives in, and the path inside that."""
        full = os.path.normpath("/" + path.lstrip("/"))
        if not self._acting and self._home is not None:
            for guarded, name in GUARDED.items():
                if full == guarded or full.startswith(guarded + "/"):
                    files = Beneath(self._home / name, owner=self._owner)
                    return files, full.removeprefix(guarded) or "/"
        ending = "/" * path.endswith("/")
        if self._system and (found := self._system.placed(full, writing=writing)):
            return found[0], found[1] + ending
        return self._root(), full + ending

    def _root(self) -> Beneath:
        if self._home is None:
            raise RuntimeError("The environment is not running.")
        sdk = {SDK.strip("/")} if self._in_container and self._acting else frozenset[str]()
        mounted = self._image.mounted(self._work) if self._image else bubblewrap.MOUNTED
        return Beneath(self._home / "root", mounted | sdk, self._owner)
