"""Files inside a directory that a hostile process writes to, reached without leaving it.

Every component is opened relative to its parent and never followed as a link by the
kernel; links are resolved here, inside the root, as a chroot would. Only plain files
and directories are read; devices, sockets and pipes do not exist for us.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

LINKS_LIMIT = 40
DEPTH_LIMIT = 128
FILE_LIMIT = 256 * 1024 * 1024
TREE_LIMIT = 512 * 1024 * 1024
TREE_FILES_LIMIT = 20_000
_PART = 1024 * 1024

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

AS_GIT = -1
"""What git knows of a file's mode, as in an image: the source may be read-only for our sake."""


class Beneath:
    """A root directory; paths are absolute as a process inside sees them."""

    def __init__(self, root: Path, fixed: Collection[str] = (), owner: int | None = None) -> None:
        """The root must exist and be ours.

        Args:
            root: The directory.
            fixed: Names directly below it that nothing may replace. Something is mounted
                there later, and a link in its place would aim that mount.
            owner: Whose what is made here is; None is whoever runs this.
        """
        self.root, self._fixed, self._owner = root, fixed, owner

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents."""
        with self._directory(path, create=True):
            pass

    def write_file(self, source: Path, target: str, mode: int | None = None) -> None:
        """Copy a host file in; an existing file is replaced, a directory receives it by name.

        Raises:
            OSError: The place cannot be written.
        """
        if self.is_directory(target) or target.endswith("/"):
            target = str(PurePosixPath(target) / source.name)
        place = PurePosixPath(target)
        with self._directory(str(place.parent), create=True) as parent:
            name = self._final_name(parent, place)
            with source.open("rb") as file:
                self._write(parent, name, file.fileno(), mode)

    def write_link(self, text: str, target: str) -> None:
        """Make a link; what stands there is removed."""
        place = PurePosixPath(target)
        with self._directory(str(place.parent), create=True) as parent:
            name = self._final_name(parent, place)
            os.symlink(text, name, dir_fd=parent)
            self._hand_over(name, parent)

    def write_tree(self, source: Path, target: str, mode: int | None = None) -> None:
        """Copy the content of a trusted host directory in; links in it are copied as links."""
        with self._directory(target, create=True) as directory:
            self._copy_in(source, directory, mode)

    def read_file(self, source: str, target: Path) -> None:
        """Copy a plain file out.

        Raises:
            FileNotFoundError: There is no such file inside the root.
            ValueError: It is not a plain file, or too large.
        """
        with self._opened(source) as descriptor:
            facts = os.fstat(descriptor)
            if stat.S_ISDIR(facts.st_mode):
                raise IsADirectoryError(f"{source} is a directory")
            if not stat.S_ISREG(facts.st_mode):
                raise ValueError(f"{source} is not a plain file")
            if facts.st_size > FILE_LIMIT:
                raise ValueError(f"{source} is larger than {FILE_LIMIT} bytes")
            _copy(descriptor, target)

    def read_tree(self, source: str, target: Path) -> None:
        """Copy the plain files below a directory out; everything else is left behind.

        Raises:
            FileNotFoundError: There is no such directory inside the root.
            ValueError: It holds more than we copy.
        """
        with self._directory(source) as directory:
            budget = [TREE_LIMIT, TREE_FILES_LIMIT]
            self._copy_out(directory, target, budget, DEPTH_LIMIT)

    def make_executable(self, path: str) -> None:
        """Let everybody run a plain file."""
        with self._opened(path) as descriptor:
            os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) | 0o111)

    def is_directory(self, path: str) -> bool:
        """Whether a path is a directory, links resolved inside the root."""
        try:
            with self._directory(path):
                return True
        except OSError:
            return False

    def is_real_directory(self, path: str) -> bool:
        """Whether the path itself is a directory and no link to one."""
        place = PurePosixPath(path)
        with self._directory(str(place.parent)) as parent:
            try:
                facts = os.stat(place.name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return False
            return stat.S_ISDIR(facts.st_mode)

    def is_file(self, path: str) -> bool:
        """Whether a path is a plain file, links resolved inside the root."""
        try:
            with self._opened(path) as descriptor:
                return stat.S_ISREG(os.fstat(descriptor).st_mode)
        except OSError:
            return False

    def empty(self, path: str) -> None:
        """Make `path` an empty directory, whatever stood there. `/` is emptied in place."""
        place = PurePosixPath(path)
        if place == PurePosixPath("/"):
            with self._directory("/") as root:
                for name in os.listdir(root):
                    self._remove(root, name)
            return
        with self._directory(str(place.parent), create=True) as parent:
            self._remove(parent, place.name)
            os.mkdir(place.name, dir_fd=parent)
            os.chmod(place.name, 0o777, dir_fd=parent)
            self._hand_over(place.name, parent)

    def remove(self, path: str) -> None:
        """Remove a file, link or tree if it is there."""
        place = PurePosixPath(path)
        with suppress(FileNotFoundError), self._directory(str(place.parent)) as parent:
            self._remove(parent, place.name)

    def set_aside(self, path: str) -> Path | None:
        """Move what is at a path away, and say where to; None where there is nothing."""
        place = PurePosixPath(path)
        try:
            with self.directory(str(place.parent), follow=False) as parent:
                return self._set_aside(parent, place.name)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put_back(self, aside: Path, path: str) -> None:
        """Move what was set aside to a path, in the place of what is there."""
        place = PurePosixPath(path)
        with self._directory(str(place.parent), create=True) as parent:
            os.rename(aside, self._final_name(parent, place), dst_dir_fd=parent)

    @contextmanager
    def directory(self, path: str, *, follow: bool = True) -> Generator[int]:
        """A directory for calls relative to it; links are resolved inside the root, or refused."""
        descriptor = self._walk(path, create=False, follow=follow)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def put(self, path: str, data: bytes) -> None:
        """Give a plain file another content; it is made anew."""
        place = PurePosixPath(path)
        with self._directory(str(place.parent)) as parent:
            name = self._final_name(parent, place)
            with os.fdopen(os.open(name, _WRITE, 0o644, dir_fd=parent), "wb") as out:
                out.write(data)
                self._hand_over(out.fileno())

    def names(self, path: str) -> list[str]:
        """What is in a directory; nothing where it is none, or a link leads there."""
        try:
            with self.directory(path, follow=False) as directory:
                return os.listdir(directory)
        except (OSError, ValueError):
            return []

    def content(self, path: str, limit: int) -> bytes:
        """What a plain file holds; nothing where it is none, or larger."""
        try:
            with self._opened(path) as descriptor:
                facts = os.fstat(descriptor)
                if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
                    return b""
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    return file.read(limit)
        except (OSError, ValueError):
            return b""

    def exists(self, path: str) -> bool:
        """Whether there is anything at a path, a link that dangles too."""
        place = PurePosixPath(path)
        try:
            with self._directory(str(place.parent)) as parent:
                os.stat(place.name or ".", dir_fd=parent, follow_symlinks=False)
                return True
        except (OSError, ValueError):
            return False

    def is_link(self, path: str) -> bool:
        """Whether a path is a link itself."""
        place = PurePosixPath(path)
        try:
            with self._directory(str(place.parent)) as parent:
                return _link(parent, place.name) is not None
        except (OSError, ValueError):
            return False

    @contextmanager
    def _directory(self, path: str, *, create: bool = False) -> Generator[int]:
        descriptor = self._walk(path, create=create)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened(self, path: str) -> Generator[int]:
        """Open a file for reading, its last component resolved inside the root too."""
        place = PurePosixPath("/", path)
        for _ in range(LINKS_LIMIT):
            with self._directory(str(place.parent)) as parent:
                link = _link(parent, place.name)
                if link is None:
                    descriptor = os.open(place.name, _READ, dir_fd=parent)
                    break
            place = place.parent / link
        else:
            raise OSError(f"{path}: too many links")
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _copy_in(self, source: Path, directory: int, given: int | None) -> None:
        for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
            if entry.is_symlink():
                self._remove(directory, entry.name)
                os.symlink(os.readlink(entry.path), entry.name, dir_fd=directory)
                self._hand_over(entry.name, directory)
            elif entry.is_dir(follow_symlinks=False):
                inner = self._enter(directory, entry.name, create=True)
                try:
                    self._copy_in(Path(entry.path), inner, given)
                finally:
                    os.close(inner)
            elif entry.is_file(follow_symlinks=False):
                self._remove(directory, entry.name)
                with Path(entry.path).open("rb") as file:
                    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode) if given is None else given
                    self._write(directory, entry.name, file.fileno(), mode | 0o600)

    def _remove(self, parent: int, name: str) -> None:
        """Clear a name away. A directory is moved aside, however deep and full it is."""
        if name in self._fixed and os.path.samestat(os.fstat(parent), self.root.stat()):
            raise PermissionError(f"/{name} belongs to the system and cannot be replaced")
        try:
            facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(facts.st_mode):
            os.unlink(name, dir_fd=parent)
            return
        self._set_aside(parent, name)

    def _set_aside(self, parent: int, name: str) -> Path:
        place = self.root.parent / "aside" / secrets.token_hex(8)
        place.parent.mkdir(exist_ok=True)
        os.rename(name, place, src_dir_fd=parent)
        return place

    def _final_name(self, parent: int, place: PurePosixPath) -> str:
        """The last component; what stands there is removed rather than written through."""
        if place.name in ("", ".", ".."):
            raise ValueError(f"{place} is not a file name")
        self._remove(parent, place.name)
        return place.name

    def _walk(self, path: str, *, create: bool, follow: bool = True) -> int:
        """Open a directory below the root, resolving links inside it or refusing them."""
        waiting = _parts(path)
        if len(waiting) > DEPTH_LIMIT:
            raise ValueError(f"{path[:200]}… is too deep")
        trail = [os.open(self.root, _DIRECTORY)]
        links = 0
        try:
            while waiting:
                part = waiting.pop()
                if part == "..":
                    if len(trail) > 1:
                        os.close(trail.pop())
                    continue
                link = _link(trail[-1], part)
                if link is not None and not follow:
                    raise NotADirectoryError(f"{path} leads through a link")
                if link is None:
                    trail.append(self._enter(trail[-1], part, create=create))
                    continue
                links += 1
                if links > LINKS_LIMIT:
                    raise OSError(f"{path}: too many links")
                if link.startswith("/"):
                    while len(trail) > 1:
                        os.close(trail.pop())
                waiting += _parts(link)
            return os.dup(trail[-1])
        finally:
            for descriptor in trail:
                os.close(descriptor)

    def _enter(self, parent: int, name: str, *, create: bool = False) -> int:
        """Open a directory that is no link; made where it is missing, if it may be."""
        try:
            return os.open(name, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
        os.mkdir(name, 0o755, dir_fd=parent)
        made = os.open(name, _DIRECTORY, dir_fd=parent)
        os.fchmod(made, 0o755)  # whatever this process masks
        self._hand_over(made)
        return made

    def _write(self, parent: int, name: str, source: int, given: int | None) -> None:
        mode = stat.S_IMODE(os.fstat(source).st_mode) if given is None else given
        if given == AS_GIT:
            mode = 0o755 if os.fstat(source).st_mode & 0o111 else 0o644
        target = os.open(name, _WRITE, mode, dir_fd=parent)
        with os.fdopen(target, "wb") as out, os.fdopen(os.dup(source), "rb") as file:
            shutil.copyfileobj(file, out)
            self._hand_over(out.fileno())
            os.fchmod(out.fileno(), mode)

    def _hand_over(self, what: int | str, directory: int | None = None) -> None:
        """Let what was just made be the owner's: an open file, or a name in a directory."""
        if self._owner is not None:
            follow = directory is None  # a descriptor is no link
            os.chown(what, self._owner, self._owner, dir_fd=directory, follow_symlinks=follow)

    def _copy_out(self, directory: int, target: Path, budget: list[int], depth: int) -> None:
        if depth == 0:
            raise ValueError("the directory is deeper than is copied out of a sandbox")
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(os.listdir(directory)):
            try:
                descriptor = os.open(name, _READ, dir_fd=directory)
            except OSError:  # a link, a socket, or gone meanwhile
                continue
            try:
                facts = os.fstat(descriptor)
                if stat.S_ISDIR(facts.st_mode):
                    self._copy_out(descriptor, target / name, budget, depth - 1)
                elif stat.S_ISREG(facts.st_mode):
                    budget[0] -= facts.st_size
                    budget[1] -= 1
                    if min(budget) < 0:
                        raise ValueError("the directory holds more than is copied out of a sandbox")
                    _copy(descriptor, target / name)
            finally:
                os.close(descriptor)


def _parts(path: str) -> list[str]:
    """The components of a path, last first; no component holds a slash, whatever the path says."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _link(parent: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError:
        return None


def _copy(descriptor: int, target: Path) -> None:
    with target.open("wb") as out, os.fdopen(os.dup(descriptor), "rb") as file:
        left = FILE_LIMIT  # it may grow while it is read
        while left and (part := file.read(min(left, _PART))):
            out.write(part)
            left -= len(part)
