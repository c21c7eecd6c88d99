"""An image's layers, unpacked into a root directory for a trial's one user.

An archive is hostile input: it is read entry by entry, and each is made through `Beneath`, where
links are text and lead nowhere outside. Nothing is believed before a layer's hash agrees; what
calls this throws the directory away where it raises. Every file becomes the one user's, who may
read and write it as root could; nothing is set-user-ID, and no device or pipe is made.
"""

import gzip
import hashlib
import os
import stat
import tarfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from autoagent.environments.refereed import MACHINE_ERRNOS
from autoagent.environments.sandbox.beneath import DEPTH_LIMIT, Beneath
from autoagent.errors import InfrastructureFault, WorkspaceError
from autoagent.workspace.tasks.building.oci import ImageFacts, Member, layers_of

BYTES_LIMIT = 32 * 2**30
"""Of all layers of an image, unpacked."""
ENTRIES_LIMIT = 2_000_000
_PART = 1024 * 1024
_HIDES, _HIDES_ALL = ".wh.", ".wh..wh..opq"
_OURS = ("/proc", "/dev", "/sys")
"""Where something is mounted, whatever an image has there."""
_LOCALHOST = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_APT = b'// There is one user here, so apt has no other to become.\nAPT::Sandbox::User "root";\n'


class UnpackFailed(InfrastructureFault):
    """An image cannot be unpacked, now or ever."""


def unpack_image(facts: ImageFacts, name: str, root: Path, owner: int | None) -> None:
    """Unpack an image.

    Args:
        facts: Which, as it was frozen.
        name: What tasks call it.
        root: An empty directory.
        owner: Whose the files become; None is this process's user.

    Raises:
        UnpackFailed: It is damaged, another one than was frozen, or not to be unpacked.
    """
    unpacking = _Unpacking(root, owner)
    try:
        with layers_of(facts, name) as layers:
            for number, (content, file) in enumerate(layers, 1):
                with file:
                    unpacking.layer(number, content, file)
        unpacking.finish()
    except WorkspaceError as error:
        raise UnpackFailed(error.message) from error
    except (ValueError, OSError, EOFError, zlib.error, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.errno in MACHINE_ERRNOS:
            raise  # the disk is full, say: another time it may be unpacked
        said = str(error)[:300]
        raise UnpackFailed(
            f"{facts.place}: the image {name} cannot be unpacked ({said}). Fetch it again."
        ) from error


class _Counted:
    """A layer's bytes as they are unpacked: hashed, and no more than there may be."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self._file, self._left, self._hash = file, left, hashlib.sha256()

    def read(self, size: int = _PART) -> bytes:
        data = self._file.read(min(size, _PART))
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"its layers hold more than {BYTES_LIMIT // 2**30} GiB")
        self._hash.update(data)
        return data

    def ended(self) -> tuple[str, int]:
        """What all of it hashes to, and how much more there may be."""
        while self.read():
            pass
        return f"sha256:{self._hash.hexdigest()}", self._left


class _Unpacking:
    """The state of a root while its layers are laid over each other."""

    def __init__(self, root: Path, owner: int | None) -> None:
        self._tree, self._owner = Beneath(root, owner=owner), owner
        self._bytes, self._entries = BYTES_LIMIT, ENTRIES_LIMIT
        self._fresh: set[str] = set()

    def layer(self, number: int, content: str, file: IO[bytes]) -> None:
        """Lay one layer over those before it."""
        counted = _Counted(_plain(file), self._bytes)
        self._fresh = set()
        stream: Any = counted  # tarfile asks for `read` alone, its stubs for more
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=Member) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
                self._entries -= 1
                if self._entries < 0:
                    raise ValueError(f"its layers have more than {ENTRIES_LIMIT} entries")
                self._entry(archive, member)
        found, self._bytes = counted.ended()
        if found != content:
            raise ValueError(f"layer {number} is {found[:19]}…, and should be {content[:19]}…")

    def finish(self) -> None:
        """Make what every container finds, whatever its image says."""
        tree = self._tree
        for path in (*_OURS, "/tmp", "/etc", "/root", "/run"):
            if path in _OURS or not tree.is_real_directory(path):
                tree.empty(path)
        for name, data in (("hosts", _LOCALHOST), ("hostname", b"task\n"), ("resolv.conf", b"")):
            tree.put(f"/etc/{name}", data)
        if tree.is_real_directory("/etc/apt") and tree.is_real_directory("/etc/apt/apt.conf.d"):
            tree.put("/etc/apt/apt.conf.d/00-one-user", _APT)

    def _entry(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise ValueError(f"{member.name[:200]!r} leads out of it")
        if len(parts) > DEPTH_LIMIT:
            raise ValueError(f"{member.name[:200]!r} is deeper than {DEPTH_LIMIT}")
        if not parts:
            return
        *above, name = parts
        place = "/".join(["", *above])
        if name == _HIDES_ALL:
            self._hide_below(place)
        elif name.startswith(_HIDES):
            hidden = name.removeprefix(_HIDES)
            if hidden in ("", ".", ".."):
                raise ValueError(f"{member.name[:200]!r} hides nothing")
            if not hidden.startswith(_HIDES):  # a storage driver's own
                self._hide(f"{place}/{hidden}")
        elif member.isdir() or member.isreg() or member.issym() or member.islnk():
            self._make(archive, member, place, name)
            path = f"{place}/{name}"
            while path and path not in self._fresh:
                self._fresh.add(path)
                path = path.rpartition("/")[0]

    def _make(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, place: str, name: str
    ) -> None:
        """Make one entry in the place of what is there."""
        self._tree.make_directory(place or "/")
        path, mode = f"{place}/{name}", member.mode & 0o777
        with self._tree.directory(place or "/") as above:
            if member.isdir():
                self._directory(above, path, name, mode | member.mode & stat.S_ISVTX)
            elif member.islnk():
                self._link(above, path, name, member.linkname)
            elif member.issym():
                self._tree.write_link(member.linkname, path)
            else:
                self._tree.remove(path)
                file: Any = archive.extractfile(member)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with os.fdopen(os.open(name, flags, 0o600, dir_fd=above), "wb") as out:
                    while data := file.read(_PART):
                        out.write(data)
                    out.flush()
                    if self._owner is not None:
                        os.fchown(out.fileno(), self._owner, self._owner)
                    os.fchmod(out.fileno(), mode | 0o600)
                    # Python compares the time of a source with what its compiled file says.
                    when = max(0, int(member.mtime))
                    os.utime(out.fileno(), (when, when))

    def _directory(self, above: int, path: str, name: str, mode: int) -> None:
        try:
            facts = os.stat(name, dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            facts = None
        if facts is None or not stat.S_ISDIR(facts.st_mode):
            self._tree.remove(path)
            os.mkdir(name, 0o700, dir_fd=above)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = os.open(name, flags, dir_fd=above)
        try:
            if self._owner is not None:
                os.fchown(opened, self._owner, self._owner)
            os.fchmod(opened, mode | 0o700)
        finally:
            os.close(opened)

    def _link(self, above: int, path: str, name: str, target: str) -> None:
        """A file's other name; both are inside."""
        parts = [part for part in target.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            raise ValueError(f"{path[:200]!r} is a name of {target[:200]!r}, which leads out of it")
        holder = PurePosixPath("/", *parts[:-1])
        with self._tree.directory(str(holder)) as there:
            facts = os.stat(parts[-1], dir_fd=there, follow_symlinks=False)
            with _entry_of(above, name) as now:
                if now is not None and os.path.samestat(now, facts):
                    return
            if not stat.S_ISREG(facts.st_mode) and not stat.S_ISLNK(facts.st_mode):
                raise ValueError(f"{path[:200]!r} is a name of {target[:200]!r}, which is no file")
            self._tree.remove(path)
            os.link(parts[-1], name, src_dir_fd=there, dst_dir_fd=above, follow_symlinks=False)

    def _hide(self, path: str) -> None:
        """Take away what lower layers have at a path."""
        if path not in self._fresh:
            self._tree.remove(path)
        elif self._tree.is_real_directory(path):
            self._hide_below(path)

    def _hide_below(self, place: str) -> None:
        """Take away what lower layers have in a directory."""
        if place and not self._tree.exists(place):
            return
        for name in self._tree.names(place or "/"):
            self._hide(f"{place}/{name}")


@contextmanager
def _entry_of(directory: int, name: str) -> Generator[os.stat_result | None]:
    try:
        yield os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        yield None


def _plain(file: IO[bytes]) -> IO[bytes]:
    """A layer's bytes, whatever it is compressed with."""
    start = file.read(4)
    file.seek(0)
    if start[:2] == b"\x1f\x8b":
        unzipped: Any = gzip.GzipFile(fileobj=file)
        return unzipped
    if start == b"\x28\xb5\x2f\xfd":
        raise ValueError(
            "its layers are compressed with zstd: `skopeo copy --dest-compress-format gzip` "
            "makes a copy that can be read"
        )
    return file
