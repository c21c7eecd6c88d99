"""One container and what we ask of it. Every call blocks; `daemon.ask` makes it in a thread.

Files travel as archives, in both directions. No host path is ever named to a daemon.
"""

import contextlib
import secrets
import shlex
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from docker.errors import APIError, NotFound

from autoagent.environments.docker import daemon
from autoagent.environments.docker.archives import Archives
from autoagent.environments.docker.output import printed_by
from autoagent.environments.sandbox.commands import OUTPUT_LIMIT
from autoagent.environments.tampering.steering import Change

EXEC_VARIABLE = "AUTOAGENT_EXEC"
"""Marks the processes of one exec, so that all of them can be ended."""
HOSTS = Path(__file__).with_name("hosts")
_END = """\
for round in 1 2 3 4 5 6 7 8; do
  found=
  for place in /proc/[0-9]*; do
    if tr '\\0' '\\n' <$place/environ 2>/dev/null | grep -qx {marker}; then
      kill -9 ${{place#/proc/}} && found=1
    fi
  done
  [ -n "$found" ] || break
done
"""


VOLUME_PREFIX = "autoagent-"


class Done(NamedTuple):
    """What a command printed, as much as is kept, and its exit status."""

    output: bytes
    return_code: int


class Container:
    """A container of the daemon's, and what was done to it on our account.

    Attributes:
        id: The daemon's id.
        execs: Ids of the execs that were ours.
        archives: Its files as the daemon gives and takes them.
    """

    def __init__(
        self,
        image: str,
        labels: Mapping[str, str],
        host: Mapping[str, Any],
        *,
        with_entry: bool = False,
        offline: bool = False,
    ) -> None:
        """Create it; it runs nothing yet, and as the image's user unless an exec says otherwise.

        Args:
            image: The image's id.
            labels: Ours.
            host: Arguments of the SDK's `create_host_config`.
            with_entry: Run the image's ENTRYPOINT, which may start services.
            offline: It never gets a network. Then the daemon sets none up, which is half of what
                a container costs, and it is on us that "localhost" has an address.
        """
        self._offline = offline
        self._client = daemon.client()
        created = self._client.create_container(
            image,
            ["sleep", "infinity"],
            entrypoint=None if with_entry else [],
            labels=dict(labels),
            healthcheck={"test": ["NONE"]},
            network_disabled=offline,
            host_config=self._client.create_host_config(**host),
        )
        self.id = str(created["Id"])
        self.execs: set[str] = set()
        self.archives = Archives(self._client, self.id)
        self._idle, self._copying, self._ended = threading.Condition(), 0, False

    def start(self) -> None:
        """Start it; its only process waits."""
        self._client.start(self.id)

    def kill(self) -> None:
        """End everything in it at once."""

        def kill(container: str) -> None:
            try:
                self._client.kill(container)
            except APIError as error:
                if error.status_code != 409:  # it ended before
                    raise
            self._client.wait(container)

        self._end(kill)

    def remove(self) -> None:
        """Remove it with everything in it, dead or alive; volumes that have a name stay."""
        self._end(self._client.remove_container, force=True, v=True)

    def run(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        place: str | None,
        user: str | int | None,
        marker: str,
    ) -> Done:
        """Run a command to its end. What it prints beyond the limit is read and dropped."""
        created = self._client.exec_create(
            self.id,
            list(command),
            environment={**variables, EXEC_VARIABLE: marker},
            workdir=place,
            user="" if user is None else str(user),
        )
        self.execs.add(created["Id"])
        kept = bytearray()
        for part in printed_by(self._client, created["Id"]):
            kept += part[: OUTPUT_LIMIT - len(kept)]
        code = self._client.exec_inspect(created["Id"])["ExitCode"]
        return Done(bytes(kept), -1 if code is None else int(code))

    def end(self, marker: str) -> None:
        """End every process that an exec started and that did not hide from it."""
        script = _END.format(marker=shlex.quote(f"{EXEC_VARIABLE}={marker}"))
        self.run(["/bin/sh", "-c", script], {}, "/", "root", secrets.token_hex(4))

    def put_file(self, source: Path, target: str) -> None:
        """Copy a host file in, below its directory, which is made if it is not there."""
        with self._files() as files:
            files.write_file(source, target)

    def put_tree(self, source: Path, target: str, mode: int | None = None) -> None:
        """Copy what is below a host directory in; `mode` is what its files get."""
        with self._files() as files:
            files.write_tree(source, target, mode)

    def furnish(self, *directories: str) -> None:
        """Make directories that anybody may write to, and name loopback where nobody else does.

        A snapshot of the container has all that.
        """
        with self._files() as files:
            files.furnish(directories, {"/etc/hosts": HOSTS} if self._offline else {})

    def restore(self, archive: bytes) -> None:
        """Put an archive into the root."""
        with self._files() as files:
            files.put(archive)

    def get_file(self, source: str, target: Path) -> None:
        """Copy a plain file out.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is larger than is taken out, or no plain file.
        """
        with self._files() as files:
            files.read_file(source, target)

    def get_tree(self, source: str, target: Path) -> None:
        """Copy the plain files below a directory out.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It holds more than is taken out.
        """
        with self._files() as files:
            files.read_tree(source, target)

    def is_directory(self, path: str) -> bool | None:
        """Whether a path is a directory; None where only a command can tell."""
        with self._files() as files:
            return files.is_directory(path)

    def is_file(self, path: str) -> bool | None:
        """Whether a path is a plain file; None where only a command can tell."""
        with self._files() as files:
            return files.is_file(path)

    def changes(self) -> list[Change]:
        """Every path that differs from the image; the container has ended."""
        found: list[dict[str, Any]] = self._client.diff(self.id) or []
        return [Change(change["Path"], change["Kind"]) for change in found]

    def snapshot(self, labels: Mapping[str, str]) -> str:
        """An image of it as it is; its id."""
        changes = [f"LABEL {name}={_quoted(value)}" for name, value in labels.items()]
        return str(self._client.commit(self.id, pause=False, changes=changes)["Id"])

    def connect(self, *, network: bool) -> None:
        """Give the running container a network, or take it away."""
        gone, new = ("none", "bridge") if network else ("bridge", "none")
        self._client.disconnect_container_from_network(self.id, gone, force=True)
        self._client.connect_container_to_network(self.id, new)

    @contextlib.contextmanager
    def _files(self) -> Generator[Archives]:
        """Its files, while one is copied: what ends the container waits for that.

        Raises:
            RuntimeError: It has ended; what was copied in now would not be looked at.
        """
        with self._idle:
            if self._ended:
                raise RuntimeError("The container has ended.")
            self._copying += 1
        try:
            yield self.archives
        finally:
            with self._idle:
                self._copying -= 1
                self._idle.notify_all()

    def _end(self, end: Callable[..., None], **how: bool) -> None:
        """Let nothing begin, end it by the daemon, and wait for what was being copied."""
        with self._idle:
            self._ended = True
        try:
            with contextlib.suppress(NotFound):
                end(self.id, **how)
        finally:
            with self._idle:
                self._idle.wait_for(lambda: not self._copying)


class Volume:
    """A volume of a trial's that its verifier's container mounts.

    Attributes:
        name: Its name, which nobody can guess.
        mounted_by: Ids of our containers that mount it.
        stage: A container that mounts it and never starts, through which files get in.
    """

    def __init__(self, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        """Create it.

        Args:
            labels: Ours.
            options: Of the daemon's `local` driver.
        """
        self.name, self.mounted_by = f"{VOLUME_PREFIX}{secrets.token_hex(16)}", set[str]()
        self._labels = labels
        self.stage: Container | None = None
        daemon.client().create_volume(
            self.name, driver_opts=dict(options or {}), labels=dict(labels)
        )

    def at(self, place: str, mode: str = "rw") -> str:
        """How a container mounts it; the daemon copies nothing into it that the image has there.

        It would otherwise, into an empty one, and what the image has may be the candidate's.
        """
        return f"{self.name}:{place}:{mode},nocopy"

    def open(self, image: str) -> None:
        """Get ready to be filled, by a container of this image."""
        self.stage = Container(image, self._labels, {"binds": [self.at("/volume")]})
        self.mounted_by.add(self.stage.id)

    def fill(self, source: Path, target: str) -> None:
        """Copy what is below a host directory in, once it is open; every file may be run.

        Args:
            source: The directory.
            target: Where in the volume.
        """
        assert self.stage is not None, "the volume was opened"
        self.stage.put_tree(source, f"/volume/{target.lstrip('/')}", 0o755)

    def remove(self) -> None:
        """Remove it; no container but the stage mounts it any more."""
        if self.stage is not None:
            self.stage.remove()
        daemon.client().remove_volume(self.name, force=True)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
