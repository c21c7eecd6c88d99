"""Git refs as files: read, and moved by compare-and-swap. No git process, no config.

The same code moves branches of the server's store and the projection in the user's
repository, where every path may have been prepared by somebody hostile.
"""

import errno
import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from autoagent.errors import WorkspaceBusy, WorkspaceError
from autoagent.files import (
    abandoned,
    new_file,
    opened_directory,
    read_regular,
    temporary_name,
    write_all,
)

SHA = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_SMALL = 4096
_PACKED = 256 * 1024 * 1024
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def branch_name(tag: str) -> str:
    """The ref of a climb's branch.

    Raises:
        WorkspaceError: The tag is not one that git and every file system accept.
    """
    bad_end = tag.endswith((".", ".lock"))
    if not _TAG.fullmatch(tag) or ".." in tag or bad_end:
        raise WorkspaceError(
            f"{tag[:60]!r} cannot name a climb: use 1 to 40 of a-z 0-9 . _ -, starting with a "
            'letter or digit, without "..", and not ending in "." or ".lock".',
            'start_climb(tag="apr4")',
        )
    return f"refs/heads/autoagent/{tag}"


def read_head(git_dir: Path, common_dir: Path) -> str | None:
    """The commit of HEAD, None when it is unborn."""
    text = _content(git_dir / "HEAD")
    for _ in range(5):
        if text is None or SHA.fullmatch(text):
            return text
        name = text.removeprefix("ref:").strip()
        if not text.startswith("ref:") or not name.startswith("refs/") or ".." in name:
            break
        text = _content(common_dir / name) or read_packed(common_dir).get(name)
    # The text is not told: a link may have led to what only the server's user can read.
    raise WorkspaceError(
        f"{git_dir}/HEAD names no branch that can be read. Repair it: `git fsck` "
        "says what is wrong, and `git checkout BRANCH` writes it anew."
    )


def read(git_dir: Path, name: str) -> str | None:
    """The commit a ref names: its own file, else packed-refs."""
    text = _content(git_dir / name)
    if text is not None and SHA.fullmatch(text):
        return text
    return read_packed(git_dir).get(name)


def exists(git_dir: Path, name: str) -> bool:
    """Whether a ref of this name is there in any form, even a damaged one."""
    return os.path.lexists(git_dir / name) or name in read_packed(git_dir)


def read_packed(git_dir: Path) -> dict[str, str]:
    """The refs in packed-refs; peeled tags and comments are left out."""
    try:
        data = read_regular(git_dir / "packed-refs", _PACKED)
    except FileNotFoundError:
        return {}
    lines = data.decode("utf-8", "replace").splitlines()
    pairs = (line.split(" ", 1) for line in lines if line[:1] not in ("#", "^"))
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and SHA.fullmatch(pair[0])}


def swap(
    git_dir: Path, name: str, commit: str, expected: str | None | Literal["any"]
) -> str | None:
    """Point a ref at `commit` if it still is where the caller thinks.

    `<ref>.lock` is taken as git takes it, so a running git and this never write at the
    same time. No directory on the way may be a link.

    Returns:
        Where the ref was before.

    Raises:
        WorkspaceBusy: The ref's lock is taken.
        WorkspaceError: The ref was moved, or something is in its way.
    """
    *folders, leaf = name.split("/")
    try:
        with opened_directory(git_dir, *folders, create=True) as directory:
            try:
                with _locked(directory, leaf, f"{commit}\n".encode()):
                    before = read(git_dir, name)
                    if expected not in ("any", before):
                        raise WorkspaceError(
                            f"{git_dir}: {name} is at {before}, not at {expected}: "
                            "somebody else moved it."
                        )
            except FileExistsError as error:
                raise WorkspaceBusy(
                    f"{git_dir}/{name}.lock exists: a git process is at work, or one was killed. "
                    "Delete that file if no git runs."
                ) from error
    except OSError as error:
        in_the_way = error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENOTEMPTY)
        why = "another branch or a link is in the way" if in_the_way else error.strerror
        raise WorkspaceError(f"{git_dir}/{name} cannot be written: {why}.") from error
    return before


@contextmanager
def _locked(directory: int, leaf: str, content: bytes) -> Generator[None]:
    """Hold a ref's lock, which takes the ref's place when the block ends well.

    The lock is another name of a temporary file of ours, so that one that a killed process left
    can be told from git's (`sweep`). Where a file system has no second names, it is a file alone.

    Raises:
        FileExistsError: Somebody holds it.
    """
    temporary, lock = temporary_name(leaf), leaf + ".lock"
    with new_file(directory, temporary) as descriptor:
        write_all(descriptor, content)
    try:
        try:
            os.link(temporary, lock, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with new_file(directory, lock):  # its name is the lock
                pass
            os.replace(temporary, lock, src_dir_fd=directory, dst_dir_fd=directory)
        try:
            yield
            os.replace(lock, leaf, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(OSError):
                os.unlink(lock, dir_fd=directory)
            raise
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
    os.fsync(directory)


def sweep(git_dir: Path, *folders: str) -> None:
    """Remove what processes of ours that are gone left beside the refs of a folder.

    A lock goes only where it is the same file as one of our temporary ones: git's own stay.
    """
    try:
        with opened_directory(git_dir, *folders) as directory:
            for temporary, leaf in abandoned(directory).items():
                with suppress(FileNotFoundError):
                    ours = os.stat(temporary, dir_fd=directory, follow_symlinks=False)
                    lock = os.stat(f"{leaf}.lock", dir_fd=directory, follow_symlinks=False)
                    if os.path.samestat(ours, lock):
                        os.unlink(f"{leaf}.lock", dir_fd=directory)
                os.unlink(temporary, dir_fd=directory)
    except OSError:  # nothing of ours is there, or it is not ours to write any more
        return


def _content(path: Path) -> str | None:
    try:
        return read_regular(path, _SMALL).decode("utf-8", "replace").strip()
    except (FileNotFoundError, NotADirectoryError, WorkspaceError):
        return None
