"""Files in and out of a container as archives, which any daemon takes and gives, near or far."""

import base64
import io
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any, Literal, override

from docker.errors import APIError, NotFound

from autoagent.environments.sandbox.inside.wire import BLOB_LIMIT
from autoagent.environments.tampering.leftovers import Budget, LeftKind, Leftover, TooMuch
from autoagent.environments.trees import unpack

_LINK = 1 << 27
"""Go's ModeSymlink, by which the daemon tells that a path is a link."""
_KINDS: dict[int, LeftKind] = {
    _LINK: "link",
    1 << 26: "device",
    1 << 25: "pipe",
    1 << 24: "socket",
}
"""Go's other modes (io/fs, FileMode)."""
_DIRECTORY = 1 << 31
_TYPES = _DIRECTORY | _LINK | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
"""Go's ModeType: a plain file has none of these."""
_FACTS = "X-Docker-Container-Path-Stat"
_KERNELS = ("/dev", "/proc", "/sys")
"""What a container's processes find there the daemon's archives do not hold."""
CONTENT_LIMIT = 1024 * 1024
"""Of a file whose content is looked at."""
_LEAST = 0o644
"""What everybody may do with a file that was copied in."""


class Archives:
    """The files of one container.

    Attributes:
        count: How many archives were put in or taken out.
    """

    def __init__(self, client: Any, container: str) -> None:
        """Describe them by the daemon's client and the container's id."""
        self._client, self._container = client, container
        self.count = 0

    def write_file(self, source: Path, target: str, mode: int | None = None) -> None:
        """Copy a host file in, below its directory, which is made if it is not there.

        What is there already is replaced; a directory receives it by name.
        """
        place = PurePosixPath(target)
        if target.endswith("/") or self.is_directory(target):
            place /= source.name
        self._put(place.parent, [(source, place.name)], mode)

    def write_tree(self, source: Path, target: str, mode: int | None = None) -> None:
        """Copy what is below a host directory in; `mode` is what its files get."""
        entries = [(path, path.name) for path in sorted(source.iterdir())]
        self._put(PurePosixPath(target), entries, mode)

    def furnish(self, directories: Sequence[str], files: Mapping[str, Path]) -> None:
        """Make directories that anybody may write to, and copies of host files, at once."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in directories:
                archive.addfile(_directory(path.strip("/"), 0o777))
            for path, source in files.items():
                archive.add(source, path.strip("/"), filter=lambda member: _owned(member, None))
        self._client.put_archive(self._container, "/", buffer.getvalue())
        self.count += 1

    def read_file(self, source: str, target: Path) -> None:
        """Copy a plain file out; one link is followed.

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
            target.write_bytes(file.read())

    def read_tree(self, source: str, target: Path) -> None:
        """Copy the plain files below a directory out.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It holds more than is taken out.
        """
        data, _ = self._take(f"{source.rstrip('/')}/.")
        target.mkdir(parents=True, exist_ok=True)
        unpack(data, target, links=False)

    def content(self, path: str) -> bytes:
        """What a plain file holds; nothing where it is none, or larger than settings are."""
        told = self._head(path)
        facts = _told(told) if told.status_code == 200 else None
        if facts is None or facts["mode"] & _TYPES or facts["size"] > CONTENT_LIMIT:
            return b""
        with tarfile.open(fileobj=io.BytesIO(self.packed(path))) as archive:
            member = archive.next()
            file = archive.extractfile(member) if member and member.isreg() else None
            return file.read() if file else b""

    def packed(self, path: str) -> bytes:
        """An archive of a path, whose members are named from what holds it.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It holds more than is taken out.
        """
        return self._take(path)[0]

    def put(self, archive: bytes) -> None:
        """Put an archive into the root."""
        self._client.put_archive(self._container, "/", archive)
        self.count += 1

    def exists(self, path: str) -> bool:
        """Whether there is anything at a path."""
        told = self._head(path)
        if told.status_code not in (200, 404):
            self._client._raise_for_status(told)
        return told.status_code == 200

    def is_directory(self, path: str) -> bool | None:
        """Whether a path is a directory; None where only a command can tell."""
        mode = self._mode(path)
        return None if mode is None else bool(mode & _DIRECTORY)

    def is_file(self, path: str) -> bool | None:
        """Whether a path is a plain file; None where only a command can tell."""
        mode = self._mode(path)
        return None if mode is None else not mode & _TYPES

    def left(self, place: str, budget: Budget, room: int) -> tuple[list[Leftover], int]:
        """What is at or below a path that is no plain file with one name.

        Args:
            place: Where nothing is there, nothing was left.
            budget: What it may cost.
            room: How many bytes may be read.

        Returns:
            It, and the room that is left.

        Raises:
            TooMuch: There is more than honest work leaves, or it cannot be read.
        """
        above = PurePosixPath(place).parent
        try:
            stream, _ = self._client.get_archive(self._container, place)
        except NotFound:
            return [], room
        except APIError:
            if place == "/":
                raise
            return self.left(str(above), budget, room)  # a link to itself is in no archive alone
        self.count += 1
        reader = _Reader(stream, room)
        found: list[Leftover] = []
        try:
            with tarfile.open(fileobj=io.BufferedReader(reader, 2**20), mode="r|") as archive:
                for member in archive:
                    budget.entries(1)
                    found += _left(member, above, budget)
        except tarfile.TarError as error:
            raise TooMuch("the trial left what no archive holds") from error
        finally:
            stream.close()
        return found, reader.room

    def alone(
        self, path: str
    ) -> Leftover | Literal["file", "directory", "link", "nothing", "untold"]:
        """What a path itself is, as far as the daemon tells without an archive of it."""
        told = self._head(path)
        if told.status_code != 200:
            return "nothing" if told.status_code == 404 else "untold"
        mode = _told(told)["mode"]
        if mode & _DIRECTORY:
            return "directory"
        kind: LeftKind | None = next((kind for bit, kind in _KINDS.items() if mode & bit), None)
        if kind is None:
            return "file"
        return kind if kind == "link" else Leftover(path, kind)

    def one(self, path: str) -> Leftover | None:
        """What a path is, if it is neither a directory nor a plain file."""
        told = self.alone(path)
        if told != "link":
            return told if isinstance(told, Leftover) else None
        found, _ = self.left(path, Budget(), BLOB_LIMIT)
        return found[0] if found else None

    def _put(
        self, target: PurePosixPath, entries: Sequence[tuple[Path, str]], mode: int | None
    ) -> None:
        """Put entries into a directory; what is missing of its path is made with them."""
        place, missing = target, PurePosixPath()
        while True:
            try:
                archive = _packed(missing, entries, mode)
                self._client.put_archive(self._container, str(place), archive)
                break
            except NotFound:
                if place == place.parent:
                    raise
                place, missing = place.parent, place.name / missing
        self.count += 1

    def _head(self, path: str) -> Any:
        url = self._client._url("/containers/{0}/archive", self._container)
        return self._client.head(url, params={"path": path}, timeout=self._client.timeout)

    def _mode(self, path: str) -> int | None:
        """Go's mode of what a path leads to, a link's where that is nothing.

        None where only a command can tell.
        """
        for _ in range(2):  # a link's target is told with every link in it resolved
            if not path.startswith("/") or _is_kernels(path):
                return None
            told = self._head(path)
            if told.status_code != 200:
                return _LINK if told.status_code == 404 else None
            facts = _told(told)
            if not facts["mode"] & _LINK:
                return int(facts["mode"])
            path = str(facts["linkTarget"])
        return None

    def _take(self, path: str) -> tuple[bytes, dict[str, Any]]:
        try:
            stream, facts = self._client.get_archive(self._container, path)
        except NotFound as error:
            raise FileNotFoundError(f"{path} is not there") from error
        self.count += 1
        data = bytearray()
        for chunk in stream:
            data += chunk
            if len(data) > BLOB_LIMIT:
                raise ValueError(f"{path} holds more than {BLOB_LIMIT} bytes")
        return bytes(data), facts


def _packed(missing: PurePosixPath, entries: Sequence[tuple[Path, str]], mode: int | None) -> bytes:
    """Host files and directories by the names they get below new directories, owned by root."""
    buffer = io.BytesIO()

    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for place in [*reversed(missing.parents), missing][1:]:
            archive.addfile(_directory(str(place), 0o755))
        for path, name in entries:
            archive.add(
                path, arcname=str(missing / name), filter=lambda member: _owned(member, mode)
            )
    return buffer.getvalue()


def _owned(member: tarfile.TarInfo, mode: int | None) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    if member.isreg() and mode is not None:
        member.mode = mode
    member.mode |= 0o755 if member.isdir() else _LEAST
    return member


def _directory(name: str, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    return member


def reading(parts: Iterator[bytes]) -> io.BufferedReader:
    """The parts of an archive of any size, as a file that is read once."""
    return io.BufferedReader(_Reader(parts, sys.maxsize), 2**20)


class _Reader(io.RawIOBase):
    """The parts of an archive, as a file that is read once."""

    def __init__(self, parts: Iterator[bytes], room: int) -> None:
        super().__init__()
        self._parts, self._part, self.room = parts, memoryview(b""), room

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        if not self._part:
            self._part = memoryview(next(self._parts, b""))
            self.room -= len(self._part)
            if self.room < 0:
                raise TooMuch("the trial left more bytes than are looked at")
        given, self._part = self._part[: len(buffer)], self._part[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


def _left(member: tarfile.TarInfo, above: PurePosixPath, budget: Budget) -> list[Leftover]:
    """What a member stands for; two names of a file share the first of them as their inode."""
    kinds: dict[bytes, LeftKind] = {
        tarfile.SYMTYPE: "link",
        tarfile.FIFOTYPE: "pipe",
        tarfile.CHRTYPE: "device",
        tarfile.BLKTYPE: "device",
    }
    path = str(above / member.name.lstrip("/"))
    if member.islnk():
        first = str(above / member.linkname.lstrip("/"))
        inode = (0, hash(first))
        names = [budget.keep(name) for name in (first, path)]
        return [Leftover(name, "file", inode=inode) for name in names]
    if (kind := kinds.get(member.type)) is None:
        return []
    text = member.linkname if kind == "link" else ""
    return [Leftover(budget.keep(path), kind, budget.keep(text))]


def _told(answer: Any) -> dict[str, Any]:
    """What the daemon says of a path, beside its archive."""
    return json.loads(base64.b64decode(answer.headers[_FACTS]))


def _is_kernels(path: str) -> bool:
    return any(f"{normpath(path)}/".startswith(f"{place}/") for place in _KERNELS)
