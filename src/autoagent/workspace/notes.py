"""`.agent/`: the one directory of the workspace that stays the meta-agent's to fill.

All of it is a candidate's but `.agent/notes/`, the meta-agent's memory: no harness sees that, it
costs nothing, and no discard takes it away.

Where the server has its own user, a link planted there could lead it to what only it may read or
write, even a link put in a directory's place between two looks. So every directory is opened
below the one before, and a whole new `.agent/` is made out of sight and then renamed into place.
"""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from autoagent.errors import WorkspaceError
from autoagent.files import flush, opened_directory, put, read_regular
from autoagent.workspace.layout import Workspace

MEMORY = "notes"
MEMORY_LIMIT_BYTES = 16 * 1024 * 1024
"""What of the memory a restore carries over; the rest is set aside."""
NOTES_LIMIT_BYTES = 1024 * 1024
_PERMISSIONS = 0o2777


def read_all(workspace: Workspace) -> tuple[dict[str, bytes], list[str]]:
    """Every plain file of a candidate's under `.agent/`, by path, and what else is there.

    One line for each link, special file, unreadable directory, or file larger than all may be.
    """
    notes: dict[str, bytes] = {}
    problems: list[str] = []
    top = workspace.notes.name
    if workspace.notes.is_symlink():
        return {}, [f"{top}: a link; it must be a directory of plain files"]

    def unlisted(error: OSError) -> None:
        problems.append(f"{error.filename}: {error.strerror}")

    if not workspace.notes.is_dir():
        return {}, []
    with opened_directory(workspace.root) as root:
        for directory, folders, names, opened in os.fwalk(top, dir_fd=root, onerror=unlisted):
            if directory == top and MEMORY in folders:
                folders.remove(MEMORY)
            problems += [
                f"{directory}/{folder}: a link; plain files only"
                for folder in folders
                if stat.S_ISLNK(os.stat(folder, dir_fd=opened, follow_symlinks=False).st_mode)
            ]
            for name in names:
                path = Path(directory, name)
                try:
                    notes[path.as_posix()] = read_regular(path, NOTES_LIMIT_BYTES, opened)
                except (WorkspaceError, OSError) as error:
                    problems.append(unreadable(path.as_posix(), error))
    return notes, problems


def read_memory(workspace: Workspace) -> dict[str, bytes]:
    """The plain files under `.agent/notes/`, by path relative to the workspace."""
    memory: dict[str, bytes] = {}
    left = MEMORY_LIMIT_BYTES
    with suppress(OSError), opened_directory(workspace.root, workspace.notes.name) as notes:
        for directory, folders, names, opened in os.fwalk(MEMORY, dir_fd=notes):
            folders.sort()
            for name in sorted(names):
                path = Path(workspace.notes.name, directory, name)
                with suppress(WorkspaceError, OSError):
                    data = read_regular(path, min(NOTES_LIMIT_BYTES, left), opened)
                    memory[path.as_posix()] = data
                    left -= len(data)
    return memory


def is_memory(workspace: Workspace, path: str) -> bool:
    """Whether a path is below `.agent/notes/`."""
    return path.startswith(f"{memory_of(workspace)}/")


def memory_of(workspace: Workspace) -> str:
    """The memory's path relative to the workspace."""
    return f"{workspace.notes.name}/{MEMORY}"


def read_one(workspace: Workspace, parts: Sequence[str], limit: int) -> bytes:
    """A note by the components of its path.

    Raises:
        WorkspaceError: It is no plain file, or too large.
        OSError: It is missing, or a directory on the way is a link.
    """
    with opened_directory(workspace.root, *parts[:-1]) as directory:
        return read_regular(Path(*parts), limit, directory)


def write_one(workspace: Workspace, parts: Sequence[str], data: bytes) -> None:
    """Replace a note, or make it; what is new may be changed by whom its directory lets in.

    Raises:
        WorkspaceError: Something that is no plain file stands there.
        OSError: A directory on the way is a link, or the disk is full.
    """
    with (
        opened_directory(workspace.root) as root,
        opened_directory(workspace.root, *parts[:-1], create=True) as directory,
    ):
        try:
            status = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            mode = os.fstat(directory).st_mode & 0o666
        else:
            if not stat.S_ISREG(status.st_mode):
                raise WorkspaceError(f"{'/'.join(parts)} is no plain file. Remove it.")
            mode = stat.S_IMODE(status.st_mode)
        put(directory, parts[-1], data, mode, beside=root)  # half a note is nobody's candidate


def prepared(workspace: Workspace, event: int) -> Path | None:
    """The `.agent/` that `prepare` made for an event, whole, and that was not put in place yet."""
    place = _preparing(workspace) / str(event) / workspace.notes.name
    return place if place.is_dir() else None


def prepare(
    workspace: Workspace, files: Mapping[str, bytes], mode: int | None, event: int
) -> Path | None:
    """Make a whole new `.agent/` out of sight, on the disk, to be renamed into place in one step.

    So the old one, with the memory in it, goes only once the new one is there.

    Args:
        workspace: Whose.
        files: Content by path relative to the workspace.
        mode: The permissions of the directory that stands there; None if there is none. One that
            others share stays shared, empty or not: they could not make it anew.
        event: What of the journal asks for it.

    Returns:
        Where it is, or None where nothing shall stand there.
    """
    shared = mode is not None and bool(mode & stat.S_IWGRP)
    if not files and not shared:
        return None
    folder_mode = mode & _PERMISSIONS if mode is not None else None
    discard_prepared(workspace)
    workspace.output.mkdir(exist_ok=True)
    staging = _preparing(workspace) / "unfinished"
    for place in (staging.parent, staging):  # each is new: a link that stands there is an error
        place.mkdir(mode=0o700)
    made = staging / workspace.notes.name
    made.mkdir()
    for path, data in files.items():
        place = staging / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    for place in (made, *made.rglob("*")):
        if shared:  # by the group that the workspace's directory hands down, wherever this is made
            os.chown(place, -1, workspace.root.stat().st_gid)
        if folder_mode is not None:
            place.chmod(folder_mode if place.is_dir() else folder_mode & 0o666)
        flush(place)
    flush(staging)
    whole = staging.rename(staging.with_name(str(event)))
    flush(whole.parent)
    return whole / workspace.notes.name


def discard_prepared(workspace: Workspace) -> None:
    """Remove what was prepared, and is in place or not wanted any more."""
    shutil.rmtree(_preparing(workspace), ignore_errors=True)


def _preparing(workspace: Workspace) -> Path:
    return workspace.output / "restoring"


def mode_of(workspace: Workspace) -> int | None:
    """The permissions of `.agent/`, or None where no directory is."""
    try:
        status = workspace.notes.lstat()
    except OSError:
        return None
    return stat.S_IMODE(status.st_mode) if stat.S_ISDIR(status.st_mode) else None


def unreadable(name: str, error: WorkspaceError | OSError) -> str:
    """Why a file could not be read, in a line that names it."""
    return error.message if isinstance(error, WorkspaceError) else f"{name}: {error.strerror}"
