"""One container and what we ask of it. Every call blocks; `daemon.ask` makes it in a thread.

Files travel as archives of bytes, in both directions; no host path is ever named to a daemon.
"""

import contextlib
import io
import secrets
import shlex
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from docker.errors import APIError, NotFound

from autoagent.benchmark.calls import unpack
from autoagent.benchmark.environments.commands import OUTPUT_LIMIT
from autoagent.benchmark.environments.docker import daemon
from autoagent.benchmark.environments.docker.layers import changes_of
from autoagent.benchmark.environments.docker.tampering import Change
from autoagent.benchmark.inside.wire import BLOB_LIMIT

EXEC_VARIABLE = "AUTOAGENT_EXEC"
"""Marks the processes of one exec, so that all of them can be ended."""
_DIRECTORY, _LINK = 1 << 31, 1 << 27
"""Go's ModeDir and ModeSymlink, in which the daemon tells what a path is."""
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


class Done(NamedTuple):
    """What a command printed, as much as is kept, and its exit status."""

    stdout: bytes
    stderr: bytes
    return_code: int


class Container:
    """A container of the daemon's, and what was done to it on our account.

    Attributes:
        id: The daemon's id.
        execs: Ids of the execs that were ours.
        archives: How many archives we put in or took out.
    """

    def __init__(
        self,
        image: str,
        labels: Mapping[str, str],
        host: Mapping[str, Any],
        *,
        with_entry: bool = False,
    ) -> None:
        """Create it; it runs nothing yet, and as the image's user unless an exec says otherwise.

        Args:
            image: The image's id.
            labels: Ours.
            host: Arguments of the SDK's `create_host_config`.
            with_entry: Run the image's ENTRYPOINT, which may start services.
        """
        self._client = daemon.client()
        created = self._client.create_container(
            image,
            ["sleep", "infinity"],
            entrypoint=None if with_entry else [],
            labels=dict(labels),
            healthcheck={"test": ["NONE"]},
            host_config=self._client.create_host_config(**host),
        )
        self.id = str(created["Id"])
        self.execs: set[str] = set()
        self.archives = 0

    def start(self) -> None:
        """Start it; its only process waits."""
        self._client.start(self.id)

    def kill(self) -> None:
        """End everything in it at once."""
        try:
            self._client.kill(self.id)
        except APIError as error:
            if error.status_code != 409:  # it ended before
                raise
        self._client.wait(self.id)

    def remove(self) -> None:
        """Remove it with everything in it, dead or alive; its named volumes stay."""
        with contextlib.suppress(NotFound):
            self._client.remove_container(self.id, force=True)

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
        kept = (bytearray(), bytearray())
        for parts in self._client.exec_start(created["Id"], stream=True, demux=True):
            for buffer, part in zip(kept, parts, strict=True):
                buffer += (part or b"")[: OUTPUT_LIMIT - len(buffer)]
        code = self._client.exec_inspect(created["Id"])["ExitCode"]
        return Done(bytes(kept[0]), bytes(kept[1]), -1 if code is None else int(code))

    def end(self, marker: str) -> None:
        """End every process that an exec started and that did not hide from it."""
        script = _END.format(marker=shlex.quote(f"{EXEC_VARIABLE}={marker}"))
        self.run(["/bin/sh", "-c", script], {}, "/", "root", secrets.token_hex(4))

    def put_file(self, source: Path, target: str) -> None:
        """Copy a host file in, below its directory, which is made if it is not there."""
        place = PurePosixPath(target)
        self._put(str(place.parent), _archive([(source, place.name)]))

    def put_tree(self, source: Path, target: str, *, executable: bool = False) -> None:
        """Copy what is below a host directory in; `executable`: every file may be run."""
        entries = [(path, path.name) for path in sorted(source.iterdir())]
        self._put(target, _archive(entries, executable=executable))

    def put_directories(self, *paths: str) -> None:
        """Make directories that anybody may write to."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in paths:
                member = tarfile.TarInfo(path.strip("/"))
                member.type, member.mode = tarfile.DIRTYPE, 0o777
                archive.addfile(member)
        self._archived("/", buffer.getvalue())

    def get_file(self, source: str) -> bytes:
        """A plain file's content; one link is followed.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is larger than is taken out, or no plain file.
        """
        data, facts = self._take(source)
        if facts["mode"] & _LINK:
            data, _ = self._take(str(facts["linkTarget"]))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.next()
            file = archive.extractfile(member) if member and member.isreg() else None
            if file is None:
                raise ValueError(f"{source} is not a plain file")
            return file.read()

    def get_tree(self, source: str, target: Path) -> None:
        """Copy the plain files below a directory out.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It holds more than is taken out.
        """
        data, _ = self._take(f"{source.rstrip('/')}/.")
        target.mkdir(parents=True, exist_ok=True)
        unpack(data, target, links=False)

    def exists(self, path: str) -> bool:
        """Whether there is anything at a path."""
        self.archives += 1
        try:
            stream, _ = self._client.get_archive(self.id, path)
        except NotFound:
            return False
        _drain(stream)
        return True

    def is_open_directory(self, path: str) -> bool:
        """Whether a path is a directory that anybody may write to."""
        try:
            stream, facts = self._client.get_archive(self.id, path)
        except NotFound:
            return False
        _drain(stream)
        return bool(facts["mode"] & _DIRECTORY) and facts["mode"] & 0o777 == 0o777

    def changes(self) -> list[Change]:
        """Every path that differs from the image; the container has ended."""
        driver: dict[str, Any] = self._client.inspect_container(self.id)["GraphDriver"]
        if (own := changes_of(driver)) is not None:
            return own
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

    def _put(self, target: str, data: bytes) -> None:
        try:
            self._archived(target, data)
        except NotFound:
            made = self.run(["mkdir", "-p", target], {}, "/", "root", secrets.token_hex(4))
            if made.return_code != 0:
                raise OSError(f"{target}: {made.stderr.decode(errors='replace')}") from None
            self._archived(target, data)

    def _archived(self, target: str, data: bytes) -> None:
        self._client.put_archive(self.id, target, data)
        self.archives += 1

    def _take(self, path: str) -> tuple[bytes, dict[str, Any]]:
        self.archives += 1
        try:
            stream, facts = self._client.get_archive(self.id, path)
        except NotFound as error:
            raise FileNotFoundError(f"{path} is not there") from error
        data = bytearray()
        for chunk in stream:
            data += chunk
            if len(data) > BLOB_LIMIT:
                raise ValueError(f"{path} holds more than {BLOB_LIMIT} bytes")
        return bytes(data), facts


def _archive(entries: Sequence[tuple[Path, str]], *, executable: bool = False) -> bytes:
    """Host files and directories by the names they get, owned by root."""
    buffer = io.BytesIO()

    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mode |= 0o555 if executable else 0o444
        return member

    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, name in entries:
            archive.add(path, arcname=name, filter=owned)
    return buffer.getvalue()


def _drain(stream: Iterator[bytes]) -> None:
    """Read an archive that nobody wants, so that its connection is free again."""
    for _ in stream:
        pass


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
