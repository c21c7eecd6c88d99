"""`environment = "harbor:<type>"`: tasks run where one of Harbor's own environments runs them.

A class is made of Harbor's and of what an evaluation asks of any environment. It promises
less than ours do: what the candidate left running in a container of a provider's cannot be
ended from here, so the verifier runs beside it, and each such trial says so (`in_place`).
What is sure is that no file of the candidate's is read as the verifier's from before its
phase ended: the directories are emptied then, in the environment and on the host. And no
directory of a trial's is mounted where the candidate acts: a link that it plants there would
steer what we write on the host.

`harbor:module:Class` names an environment class of one's own, as `harbor run` would take it.
"""

import asyncio
import contextlib
import posixpath
import re
import secrets
import shlex
import sys
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, override

from harbor.environments import factory
from harbor.environments.base import BaseEnvironment
from harbor.environments.capabilities import EnvironmentCapabilities
from harbor.models.environment_type import EnvironmentType
from harbor.models.trial.config import ServiceVolumeConfig
from harbor.utils.import_path import import_class

from autoagent.config import FILE_NAME
from autoagent.environments.harbor_types import PROVIDER_PREFIX
from autoagent.environments.refereed import RefereedEnvironment
from autoagent.environments.tampering.leftovers import Leftover
from autoagent.environments.tampering.listing import COMMAND, listed, tampering
from autoagent.environments.trees import remove_tree
from autoagent.errors import AutoAgentError, ConfigError, InfrastructureFault
from autoagent.installed import installing, normal

GUARDED = ("/tests", "/solution", "/logs/verifier")
MOST_BYTES = 256 * 1024**2
"""The most that is taken out of an environment in one directory."""
COMMAND_SECONDS = 60
_OF_EXTRA = re.compile(r"([\w.-]+)[^;]*; extra == '([\w-]+)'")


class Refereed(RefereedEnvironment):
    """What an evaluation asks of an environment; its calls come before those of Harbor's class."""

    def __init__(
        self,
        *args: Any,
        scratch: str,
        mounts: Sequence[ServiceVolumeConfig] | None = None,
        as_left: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """Describe the environment.

        Args:
            args: Harbor's.
            scratch: The evaluation's scratch directory.
            mounts: Harbor's; what stands there for directories on the host nobody reads.
            as_left: Directories of tasks whose verifier starts with what the candidate left.
            kwargs: Harbor's.
        """
        self._as_left: Sequence[str] = as_left
        self._verifying: dict[str, str] = {}
        place = Path(scratch, "mounts", str(kwargs["session_id"]))
        kwargs["mounts"] = [_empty_mount(mount, place) for mount in mounts or ()]
        if "auto_mounts" in kwargs:  # where Harbor >= 0.25 says which directories are its own
            kwargs["auto_mounts"] = [_empty_mount(mount, place) for mount in kwargs["auto_mounts"]]
        super().__init__(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]

    @property
    @override
    def capabilities(self) -> EnvironmentCapabilities:
        """What Harbor's class can, but for mounts: files are copied out, within bounds."""
        return super().capabilities.model_copy(update={"mounted": False})

    @contextlib.asynccontextmanager
    async def agent_phase(self) -> AsyncGenerator[None]:
        """While the candidate acts; afterwards what the verifier relies on is empty.

        What the candidate left that leads the verifier to its own files is looked for, where the
        environment can list it.
        """
        self.in_hand.in_place = True
        self._verifying = {}
        before = await self._listed()
        try:
            yield
        finally:
            places = " ".join(GUARDED)
            command = (  # a mount stays, and is emptied
                f"rm -rf -- {places}; mkdir -p {places} && chmod 777 /logs/verifier && "
                f'for place in {places}; do [ -z "$(ls -A $place)" ] || exit 1; done'
            )
            done = await self.exec(command, cwd="/", timeout_sec=COMMAND_SECONDS, user="root")
            if done.return_code != 0:  # what was planted there would be read as the verifier's
                said = f"{done.stdout or ''}{done.stderr or ''}".strip()[-300:]
                self.in_hand.note_tampering(
                    f"{places} could not be emptied for the verifier: {said}"
                )
            await asyncio.to_thread(_empty, self.trial_paths.verifier_dir)
            await self._start_fresh()
            if before is not None:
                self.in_hand.note_tampering(tampering(before, await self._listed()))

    async def _start_fresh(self) -> None:
        """Let programs of the verifier's look for settings where nobody left any."""
        if str(self.environment_dir.parent) in self._as_left:
            self.in_hand.as_left = True
            return
        place = f"/tmp/{secrets.token_hex(8)}"
        done = await self.exec(
            f"mkdir -m 777 {place} {place}/home",
            cwd="/",
            timeout_sec=COMMAND_SECONDS,
            user="root",
        )
        if done.return_code == 0:
            self._verifying = {"HOME": f"{place}/home", "TMPDIR": place}

    @override
    def _merge_env(self, env: dict[str, str] | None) -> dict[str, str] | None:
        merged = {**self._verifying, **(super()._merge_env(env) or {})}
        return merged or None

    async def _listed(self) -> dict[str, Leftover] | None:
        """What there is for a verifier to be led by; None where that cannot be listed."""
        try:
            done = await self.exec(COMMAND, cwd="/", timeout_sec=COMMAND_SECONDS, user="root")
        except (RuntimeError, OSError):  # it takes too long, or this is no such machine
            return None
        return listed(done.stdout or "")

    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        """Copy a directory out, unless it is too large; of what came, plain files stay."""
        target = Path(target_dir)
        said = await self.exec(
            f"du -sk -- {shlex.quote(source_dir)} | cut -f1",
            cwd="/",
            timeout_sec=COMMAND_SECONDS,
            user="root",
        )
        told = (said.stdout or "").strip()
        if told.isdecimal() and int(told) * 1024 > MOST_BYTES:
            raise ValueError(f"{source_dir} holds more than {MOST_BYTES} bytes")
        if posixpath.normpath(source_dir) == "/logs/verifier":
            await asyncio.to_thread(_empty, target)
        await super().download_dir(source_dir, target_dir)
        await asyncio.to_thread(_keep_plain, target)


class ProviderEnvironment(Refereed):
    """Makes environments of another class: Harbor imports this one, whatever the provider is."""

    def __new__(cls, *args: Any, kind: str, **kwargs: Any) -> RefereedEnvironment:  # pyright: ignore[reportInconsistentConstructor]
        """The environment at that provider; Harbor names every argument."""
        return refereed_class(kind)(*args, **kwargs)


@cache
def refereed_class(environment: str) -> type[Refereed]:
    """Harbor's class for an environment, with what an evaluation asks of it.

    Args:
        environment: `harbor:<type>` or `harbor:module:Class`.

    Raises:
        ConfigError: There is no such environment; the valid ones are listed.
        InfrastructureFault: Its packages are not installed, or its credentials are not there.
    """
    found = _class(environment.removeprefix(PROVIDER_PREFIX))
    try:
        found.preflight()
    except ImportError as error:
        raise InfrastructureFault(f'environment = "{environment}": {error}.') from error
    except SystemExit as refusal:  # Harbor's way to say so
        raise InfrastructureFault(f'environment = "{environment}": {refusal}') from refusal
    return type(f"Refereed{found.__name__}", (Refereed, found), {"__module__": __name__})


def _named(name: str) -> str:
    return f'{FILE_NAME}: benchmark.environment = "{PROVIDER_PREFIX}{name}"'


def _class(name: str) -> type[BaseEnvironment]:
    if ":" in name:
        try:
            return import_class(name, base=BaseEnvironment, label="environment")
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{_named(name)}: {error}.") from error
    known = sorted(kind.value for kind in EnvironmentType)
    if name not in known:
        raise ConfigError(
            f"{_named(name)}: Harbor has none of that name. It has "
            f"{', '.join(known)}; a class of your own is {PROVIDER_PREFIX}module:Class."
        )
    kind = EnvironmentType(name)
    extra = factory._ENVIRONMENT_REGISTRY[kind].pip_extra  # pyright: ignore[reportPrivateUsage]
    if extra and (missing := _missing(extra)):
        raise InfrastructureFault(
            f'environment = "{PROVIDER_PREFIX}{name}" needs packages that are not here: '
            f"{', '.join(missing)}.",
            installing(f"harbor[{extra}]"),
        )
    try:
        return factory._load_environment_class(kind)  # pyright: ignore[reportPrivateUsage]
    except ImportError as error:
        raise InfrastructureFault(f"{_named(name)}: {error}.") from error


def _missing(extra: str) -> list[str]:
    """Packages of an extra of Harbor's that are not installed."""
    wanted = (_OF_EXTRA.fullmatch(line) for line in metadata.requires("harbor") or ())
    names = [found[1] for found in wanted if found and found[2] == extra and found[1] != "harbor"]
    here = {normal(distribution.name) for distribution in metadata.distributions()}
    return [name for name in names if normal(name) not in here]


def _empty_mount(mount: ServiceVolumeConfig, place: Path) -> ServiceVolumeConfig:
    """The same mount of an empty directory, if it is one of the host's."""
    if mount["type"] != "bind" or "target" not in mount:
        return mount
    source = place / mount["target"].replace("\\", "/").strip("/").replace("/", "-")
    source.mkdir(parents=True, exist_ok=True)
    source.chmod(0o777)
    return {**mount, "source": str(source)}


def _empty(directory: Path) -> None:
    """Empty a directory of the host's, which a mount may have shown to the candidate."""
    remove_tree(directory)
    directory.mkdir(parents=True)


def _keep_plain(directory: Path) -> None:
    """Remove what is no plain file or directory, and everything if it is too much."""
    total = 0
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            path.unlink()
        else:
            total += path.stat().st_size
    if total > MOST_BYTES:
        _empty(directory)
        raise ValueError(f"{directory} would hold more than {MOST_BYTES} bytes")


if __name__ == "__main__":
    try:
        refereed_class(sys.argv[1])
    except AutoAgentError as refusal:
        sys.exit(" ".join(str(refusal).split()))
