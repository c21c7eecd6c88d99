"""The files a client may read or edit through the server: an enumerated set, no paths.

For clients without file tools of their own. An edit is checked like any other when the
candidate is committed; here it only has to stay inside the set and above the boundary.
"""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from autoagent.errors import CandidateRefused, UnknownName
from autoagent.evidence.untrusted import one_line
from autoagent.files import read_regular, write_durably
from autoagent.workspace import notes
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.steps import instructions_of

READ_LIMIT = 4 * 1024 * 1024


def read(workspace: Workspace, tasks: Mapping[str, Path], path: str) -> bytes:
    """A file of the enumerated set; instructions come from the frozen snapshot.

    Raises:
        UnknownName: The path names nothing in the set.
    """
    named = {
        workspace.program.name: workspace.program,
        workspace.harness.name: workspace.harness,
        workspace.ledger.name: workspace.ledger,
    }
    named |= {
        f"tasks/{name}/{path}": file
        for name, place in tasks.items()
        for path, file in instructions_of(place).items()
    }
    place, note = named.get(path), _note(workspace, path)
    instead = f'read_file("{workspace.program.name}")'
    if place is None and note is None:
        if not tasks and path.startswith(f"{workspace.tasks.name}/"):
            told = f"{path!r} can be read once a climb has frozen the tasks."
            raise UnknownName(told, "start_climb(tag)")
        raise UnknownName(
            f"path {path!r} cannot be read. Readable: tried.md, .agent/<file>, {', '.join(named)}."[
                :1000
            ],
            instead,
        )
    try:
        if place is not None:
            return read_regular(place, READ_LIMIT)
        return notes.read_one(workspace, note or (), READ_LIMIT)
    except OSError as error:
        raise UnknownName(f"{path}: {error.strerror}.", instead) from error


def edit(workspace: Workspace, path: str, old: str, new: str, fixed: bytes) -> str:
    """Replace `old`, which must occur exactly once; an empty `old` makes a new file in `.agent/`.

    Args:
        workspace: Whose file.
        path: The harness, or a note.
        old: The text to replace.
        new: What takes its place.
        fixed: The harness's fixed section, which no edit may reach.

    Returns:
        One line that says what was done.

    Raises:
        UnknownName: The path is neither the harness nor in `.agent/`.
        CandidateRefused: `old` is not there once, or lies below the boundary.
    """
    harness = workspace.harness.name
    note = _note(workspace, path)
    if path != harness and note is None:
        raise UnknownName(
            f"{path!r} cannot be edited; only {harness} above the boundary and .agent/<file> can.",
            f'edit_file("{harness}", old, new)',
        )
    if not old:
        return _create(workspace, path, note, new.encode())
    place = workspace.root.joinpath(*(note or (harness,)))
    if note is not None and not place.exists():
        raise UnknownName(
            f"{path}: there is no such file.", f'edit_file("{path}", "", text) to create it'
        )
    text = read(workspace, {}, path).decode("utf-8", "surrogateescape")
    count = text.count(old)
    if count != 1:
        shown = one_line(old, 60)
        told = f"{path}: `old` occurs {count} times ({shown!r}); it must occur exactly once"
        raise _refused(told, path)
    at = text.index(old)
    tail = fixed.decode("utf-8", "surrogateescape")
    if note is None and not (text.endswith(tail) and at + len(old) <= len(text) - len(tail)):
        raise _refused(
            f"{path}: the edit reaches below the boundary, or that part was changed", path
        )
    edited = text[:at] + new + text[at + len(old) :]
    data = edited.encode("utf-8", "surrogateescape")
    if note is None:
        write_durably(place, data)
    else:
        notes.write_one(workspace, note, data)
    return f"{path}:{text.count(chr(10), 0, at) + 1}: replaced {len(old)} characters by {len(new)}."


def _create(workspace: Workspace, path: str, note: tuple[str, ...] | None, data: bytes) -> str:
    """Make a note; one line that says so."""
    try:
        if note is None or os.path.lexists(workspace.root.joinpath(*note)):
            raise _refused(f"{path}: exists already; name the text to replace in `old`", path)
        notes.write_one(workspace, note, data)
    except OSError as error:
        raise _refused(f"{path}: cannot be a file ({error.strerror})", path) from error
    return f"{path}: created, {len(data)} bytes."


def _note(workspace: Workspace, path: str) -> tuple[str, ...] | None:
    """The components of a note's path, or None where it is no plain name below `.agent/`.

    A link below `.agent/` could lead to held-out tasks, which the server's user may read: none
    is followed, and this says so of those that stand there now.
    """
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] != workspace.notes.name or "\0" in path:
        return None
    if any(part in ("..", ".", ".git") for part in parts):
        return None
    place = workspace.root.joinpath(*parts)
    inside = place.parent.resolve().is_relative_to(workspace.notes)
    return parts if inside and not place.is_symlink() else None


def _refused(problem: str, path: str) -> CandidateRefused:
    return CandidateRefused([problem], f'read_file("{path}"), then edit_file again')
