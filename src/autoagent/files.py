"""Files in trees that somebody hostile can write to: read as data, replaced whole.

Nothing here follows a symbolic link in the last component of a path, blocks on a pipe,
or leaves half a file behind.
"""

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from autoagent.errors import WorkspaceError

_TEMPORARY = re.compile(
    r"\.(?P<name>.*)\.(?P<pid>[0-9]+)(-(?P<born>[0-9]+))?\.[0-9a-f]{12}\.tmp", re.DOTALL
)
LARGEST = 64 * 1024 * 1024
"""Bytes beyond which a file of a task or a workspace is refused."""


def read_regular(path: Path, limit: int = LARGEST, directory: int | None = None) -> bytes:
    """Read a regular file of at most `limit` bytes.

    A named pipe or a device planted at `path` is refused, never waited for.

    Args:
        path: The file.
        limit: The most bytes it may have.
        directory: Its directory, opened: then the path's name is looked up there, and what
            comes before it only says to a reader where that is.

    Raises:
        WorkspaceError: The path is a link, not a regular file, or too large.
        OSError: The file is missing or unreadable.
    """
    name = path if directory is None else path.name
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        raise WorkspaceError(f"{path} is {kind(status)}; a regular file is needed. Replace it.")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)
        if not stat.S_ISREG(opened.st_mode):
            raise WorkspaceError(f"{path} was swapped while it was read. Try again.")
        data = file.read(min(limit, opened.st_size) + 1)
    if len(data) > limit:
        raise WorkspaceError(f"{path} is larger than {limit:,} bytes. Make it smaller.")
    return data


def kind(status: os.stat_result) -> str:
    """What a path is, in words: for messages."""
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a regular file" if stat.S_ISREG(mode) else "a special file"


class Tree(NamedTuple):
    """A directory's regular files and subdirectories, and what else it holds.

    Paths are relative, with `/`, and sorted; `problems` has one line per entry that
    cannot be copied by content, and `links` the names of those that are symbolic links.
    """

    files: dict[str, os.stat_result]
    directories: list[str]
    problems: list[str]
    links: list[str]


def walk(directory: Path) -> Tree:
    """List a directory by content, without following a single link."""
    tree = Tree({}, [], [], [])
    _walk(directory, "", tree)
    return Tree(
        dict(sorted(tree.files.items())),
        sorted(tree.directories),
        sorted(tree.problems),
        sorted(tree.links),
    )


def _walk(directory: Path, prefix: str, tree: Tree) -> None:
    for entry in os.scandir(directory):
        name = prefix + entry.name
        status = entry.stat(follow_symlinks=False)
        if not entry.name.isprintable():
            tree.problems.append(f"{name!r}: the name is not plain UTF-8 text. Rename it.")
        elif stat.S_ISDIR(status.st_mode):
            tree.directories.append(name)
            _walk(directory / entry.name, name + "/", tree)
        elif not stat.S_ISREG(status.st_mode):
            if stat.S_ISLNK(status.st_mode):
                tree.links.append(name)
            tree.problems.append(f"{name}: is {kind(status)}. Put a regular file there.")
        elif status.st_size > LARGEST:
            tree.problems.append(f"{name}: has {status.st_size:,} bytes, of at most {LARGEST:,}.")
        else:
            tree.files[name] = status


def digest_of(files: Iterable[tuple[str, bool, bytes]]) -> str:
    """SHA-256 over sorted relative paths, executable bits and bytes, in hexadecimal.

    Every part is preceded by its length, so no file can imitate another's boundary.
    """
    digest = hashlib.sha256()
    for name, executable, data in files:
        path = name.encode()
        digest.update(b"%d %d %d\n" % (len(path), executable, len(data)))
        digest.update(path)
        digest.update(data)
    return digest.hexdigest()


def tree_digest(directory: Path) -> str:
    """The digest of a directory's regular files, as they are now.

    Raises:
        OSError: A file is gone or unreadable.
    """
    files = walk(directory).files
    return digest_of(
        (name, bool(facts.st_mode & 0o111), read_regular(directory / name))
        for name, facts in files.items()
    )


@contextmanager
def opened_directory(base: Path, *parts: str, create: bool = False) -> Generator[int]:
    """A descriptor of base/parts…, where no part below `base` may be a link.

    Everything done through the descriptor stays there, whatever is renamed meanwhile. What
    is created below a directory that a group shares is shared too.

    Raises:
        OSError: A part is missing, a link, or not a directory.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(base, flags)
    try:
        for part in parts:
            made = False
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
                    os.fsync(descriptor)
                    made = True
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            if made and (shared := os.fstat(descriptor).st_mode & stat.S_IWGRP):
                os.fchmod(below, stat.S_IMODE(os.fstat(below).st_mode) | shared)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def staged(
    directory: int, name: str, temporary: str, mode: int | None = None, beside: int | None = None
) -> Generator[int]:
    """A new file that takes the place of `name` when the block ends well.

    The temporary file is created exclusively, so its name can serve as a lock. The data
    is on the disk before the rename and the rename before the return; if the block
    raises, nothing changed.

    Args:
        directory: Where `name` is, opened.
        name: What the new file is called in the end.
        temporary: What it is called until then.
        mode: Its permissions; None leaves those of a new file.
        beside: The directory of the temporary file, opened, where it must not be `directory`: the
            same file system's.
    """
    place = directory if beside is None else beside
    with new_file(place, temporary) as descriptor:
        yield descriptor
        if mode is not None:
            os.fchmod(descriptor, mode)
    try:
        os.replace(temporary, name, src_dir_fd=place, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=place)
        raise
    os.fsync(directory)


@contextmanager
def new_file(directory: int, name: str) -> Generator[int]:
    """A file that was not there, in an opened directory; on the disk when the block ends well.

    If the block raises, it is gone again.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o666, dir_fd=directory)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=directory)
        raise


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however the kernel splits them."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def flush(path: Path) -> None:
    """Wait until a file or a directory that was written by somebody else is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Make a directory, and those above it that are missing, each with its name on the disk.

    A name that is not may be gone after a power cut with all that was synced below it.
    """
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(mode, exist_ok=True)
        flush(path.parent)


def put(
    directory: int, name: str, data: bytes, mode: int | None = None, beside: int | None = None
) -> None:
    """Replace `name` in an opened directory by `data`, durably and atomically.

    `beside` is where the temporary file is, as for `staged`.
    """
    with staged(directory, name, temporary_name(name), mode, beside) as descriptor:
        write_all(descriptor, data)


def temporary_name(name: str) -> str:
    """What a file is called until it is whole: it says for which name, and which process writes."""
    writer = f"{os.getpid()}-{_born(os.getpid())}".removesuffix("-")
    return f".{name[:100]}.{writer}.{secrets.token_hex(6)}.tmp"


def abandoned(directory: int) -> dict[str, str]:
    """Temporary files in an opened directory whose process is gone, and for which name each was.

    A process that begins has written nothing yet: a number that was another's before is no reason
    to keep one. So only for who has just taken the lock of what is written there.
    """
    found = ((name, _TEMPORARY.fullmatch(name)) for name in os.listdir(directory))
    return {
        name: match["name"]
        for name, match in found
        if match is not None and not _writes(int(match["pid"]), match["born"] or "")
    }


def sweep(directory: int) -> None:
    """Remove what processes that are gone had begun to write into an opened directory."""
    for name in abandoned(directory):
        with suppress(OSError):
            os.unlink(name, dir_fd=directory)


def _writes(pid: int, born: str) -> bool:
    """Whether a process may still be writing, and not another that has its number now.

    One that nobody has waited for is there, and writes no more: who started it may never do so.
    """
    if pid == os.getpid() or (born and _born(pid) not in ("", born)):
        return False
    if process_facts(pid)[:1] in (["Z"], ["X"]):
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _born(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where nobody tells."""
    return next(iter(process_facts(pid)[19:]), "")


def process_facts(pid: int | str) -> list[str]:
    """What Linux tells of a process, from its state on: proc_pid_stat(5). Of one gone, []."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return said.rpartition(")")[2].split()


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file's content as one step that survives a power cut.

    The old content or the new one is there at every moment; the file's permissions are
    kept. The path itself must not be a link: the workspace's tree is hostile input.

    Raises:
        WorkspaceError: Nothing was written; the file holds what it held before.
    """
    try:
        with opened_directory(path.parent) as directory:
            try:
                status = os.stat(path.name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                status = None
            if status is not None and not stat.S_ISREG(status.st_mode):
                raise WorkspaceError(
                    f"{path} is {kind(status)}; nothing was written. Remove it and try again."
                )
            put(directory, path.name, data, status and stat.S_IMODE(status.st_mode))
    except OSError as error:
        raise WorkspaceError(
            f"{path} was not written ({error.strerror}); what it held before is intact. "
            "Free disk space or correct the permissions, then try again."
        ) from error


def ensure(path: Path, data: bytes) -> None:
    """Make a file hold `data`; one that does already is not written."""
    if not path.is_file() or path.read_bytes() != data:
        write_durably(path, data)


def env_file_values(path: Path | None) -> dict[str, str]:
    """The variables that a `.env` sets, as they stand there; none where there is no such file."""
    if path is None or not path.is_file():
        return {}
    from dotenv import dotenv_values  # only where there is such a file

    found = dotenv_values(path, interpolate=False)
    return {name: value for name, value in found.items() if value is not None}
