"""Where the server's private directory of a workspace is: the workspace itself names it.

Who starts the server decides only once: clients pass other homes and variables, and two servers
with a state each would climb one workspace side by side. The name lies in the workspace, where
anybody may have written: it is believed only of a directory that is this user's alone and says
itself that it is this workspace's. A workspace that names none gets the state that its path leads
to, unless that is of another directory which was at this path before.
"""

import hashlib
import os
import re
import shlex
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

from pydantic import Field, ValidationError

from autoagent.errors import WorkspaceError
from autoagent.files import (
    make_directory,
    opened_directory,
    put,
    read_regular,
    temporary_name,
    write_durably,
)
from autoagent.records import Record
from autoagent.workspace.birth import birth

STATE_VARIABLE = "AUTOAGENT_STATE_DIR"
POINTER = "state.json"
"""In `.autoagent/`: which directory is the state."""
IDENTITY = "workspace.json"
"""In the state: which workspace it is of."""
DAMAGED = ".damaged"
"""How the name of a state ends that doctor had somebody set aside."""
_FOLDER = ".autoagent"
_BYTES = 16 * 1024


def _unknown(value: str | None) -> bool:
    return value is None


class Named(Record):
    """What either file says: the path of the other side, and when a workspace was born there."""

    path: Path
    birth: str | None = Field(default=None, exclude_if=_unknown)


def open_state(root: Path) -> Path:
    """The state directory of the workspace at `root` (resolved), made and named where it is new.

    Raises:
        WorkspaceError: What the workspace names cannot be believed or is not there; it is never
            quietly replaced by a new one.
    """
    named = _named(root)
    if named is None:
        state = _own(root)
        _make_private(state)
        name_state(root, state)
        return open_state(root)  # another server may have been first
    pointer = root / _FOLDER / POINTER
    again = f"Put it back; to start anew, without its journal, remove {pointer}."
    if os.environ.get(STATE_VARIABLE) and state_directory(root).parent != named.parent:
        raise WorkspaceError(
            f"{STATE_VARIABLE} leads to {state_directory(root)}, but this workspace's state is "
            f"{named}, as {pointer} says. Unset the variable; to start anew, remove that file."
        )
    if named.is_relative_to(root):
        raise WorkspaceError(f"{pointer} leads into the workspace, to {named}. {again}")
    try:
        status = named.lstat()
        of = Named.model_validate_json(read_regular(named / IDENTITY, _BYTES))
    except (OSError, ValidationError, WorkspaceError) as error:
        said = error.strerror if isinstance(error, OSError) else f"no {IDENTITY} of ours is there"
        raise WorkspaceError(
            f"{pointer} names {named} as this workspace's state: {said}. {again}"
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise WorkspaceError(
            f"{pointer} names {named}, which is no directory of user {os.geteuid()}. {again}"
        )
    now = birth(root)
    if of.path != root and (now is None or of.birth != now):  # else it is the same, moved
        raise WorkspaceError(
            f"{pointer} names {named}, the state of {of.path}. If {root} is a copy of that, remove "
            f"{pointer}; if it was moved here from another file system, say so: {_adopting(named)}"
        )
    _make_private(named)
    if (of.path, of.birth) != (root, now) and (now is not None or of.path != root):
        _identify(named / IDENTITY, root)  # moved, of before, or restored from a backup
    return named


def _adopting(state: Path) -> str:
    """What is typed in a workspace to make a state its own."""
    told = shlex.quote(str(state / IDENTITY))
    return f"""`printf '{{"path": "%s"}}\\n' "$PWD" > {told}`, typed in it."""


def _own(root: Path) -> Path:
    """Where the state of a workspace that names none is, or shall be.

    A journal is of one directory: what was deleted and made again, a fresh clone say, begins anew.
    """
    first = state_directory(root)
    now = birth(root)
    for number in count(1):
        state = first if number == 1 else first.with_name(f"{first.name}-{number}")
        try:
            of = Named.model_validate_json(read_regular(state / IDENTITY, _BYTES))
        except (OSError, ValidationError, WorkspaceError):
            # There is none, it is of before, or what opens it says what is wrong.
            return _moved(first.parent, now) or state
        if None in (of.birth, now) or of.birth == now:
            return state
    raise AssertionError("numbers do not end")


def _moved(base: Path, now: str | None) -> Path | None:
    """The state of a workspace that was at another path, and lost its `.autoagent/` too."""
    for identity in base.glob(f"*/{IDENTITY}") if now is not None else ():
        if identity.parent.name.endswith(DAMAGED):
            continue
        with suppress(OSError, ValidationError, WorkspaceError):
            if Named.model_validate_json(read_regular(identity, _BYTES)).birth == now:
                return identity.parent
    return None


def _identify(identity: Path, root: Path) -> None:
    write_durably(identity, _text(root, birth(root)))
    identity.chmod(0o600)


def name_state(root: Path, state: Path, owner: tuple[int, int] | None = None) -> None:
    """Have workspace and state directory name each other.

    Args:
        root: The workspace. Without an `owner`, what it names already stays.
        state: The directory, which is there.
        owner: User and group that both are handed to, whatever the workspace named before.

    Raises:
        WorkspaceError: Nothing can be written there.
    """
    identity = state / IDENTITY
    if not os.path.lexists(identity):
        _identify(identity, root)
    temporary = temporary_name(POINTER)
    try:
        with opened_directory(root, _FOLDER, create=True) as folder:
            put(folder, temporary, _text(state), 0o600)
            if owner is not None:
                os.chown(identity, *owner, follow_symlinks=False)
                os.fchown(folder, owner[0], -1)  # its group is the workspace's
                os.chown(temporary, *owner, dir_fd=folder, follow_symlinks=False)
                os.replace(temporary, POINTER, src_dir_fd=folder, dst_dir_fd=folder)
                return
            try:
                os.link(temporary, POINTER, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError:
                return
            finally:
                os.unlink(temporary, dir_fd=folder)
                os.fsync(folder)
    except OSError as error:
        raise WorkspaceError(
            f"{root / _FOLDER / POINTER} cannot be written ({error.strerror}); it has to say "
            "where the workspace's state is. Free space there, or make it writable."
        ) from error


def _named(root: Path) -> Path | None:
    """What the workspace names, or None where it names nothing yet."""
    place = root / _FOLDER / POINTER
    try:
        with opened_directory(root, _FOLDER) as folder:
            status = os.stat(POINTER, dir_fd=folder, follow_symlinks=False)
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                raise WorkspaceError(
                    f"{place} is user {status.st_uid}'s, or others may write to it. Run as the "
                    f"workspace's own user; if that is {os.geteuid()}, remove the file."
                )
            return Named.model_validate_json(read_regular(place, _BYTES, folder)).path.absolute()
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        said = error.strerror if isinstance(error, OSError) else "it names no directory"
        raise WorkspaceError(f"{place} cannot be used ({said}). Remove it.") from error


def _text(path: Path, born: str | None = None) -> bytes:
    return Named(path=path, birth=born).model_dump_json().encode() + b"\n"


def state_directory(root: Path) -> Path:
    """Where the server keeps what belongs to the workspace at `root` (resolved).

    Raises:
        WorkspaceError: That place is inside the workspace, where a candidate could
            rewrite the journal.
    """
    base = _state_base()
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", root.name)[:40] or "root"
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    state = (base / f"{readable}-{digest}").resolve()
    if state.is_relative_to(root):
        raise WorkspaceError(
            f"The state directory {state} is inside the workspace {root}, where the meta-agent "
            f"could rewrite the journal. Point {STATE_VARIABLE} outside it."
        )
    return state


def pulled_images() -> Path:
    """Where the images are that this user fetched, for every workspace: an OCI layout."""
    return _state_base() / "images"


def _state_base() -> Path:
    """$AUTOAGENT_STATE_DIR, or where the XDG base directory specification says."""
    if explicit := os.environ.get(STATE_VARIABLE):
        if not Path(explicit).is_absolute():
            raise WorkspaceError(f"{STATE_VARIABLE} is {explicit!r}; give an absolute path.")
        return Path(explicit)
    home = os.environ.get("XDG_STATE_HOME", "")
    if Path(home).is_absolute():  # the specification: ignore a relative path
        return Path(home) / "autoagent"
    try:
        return Path.home() / ".local" / "state" / "autoagent"
    except RuntimeError as error:
        raise WorkspaceError(
            f"There is no home directory to keep the state in. Set {STATE_VARIABLE}."
        ) from error


def _make_private(state: Path) -> None:
    """Create the state directory, readable by its owner alone."""
    try:
        make_directory(state, 0o700)
        status = state.stat()
        if status.st_uid != os.geteuid():
            raise WorkspaceError(
                f"{state} belongs to user {status.st_uid}, not to {os.geteuid()} who runs this. "
                f"Run as its owner, or set {STATE_VARIABLE}."
            )
        if stat.S_IMODE(status.st_mode) != 0o700:
            state.chmod(0o700)
    except OSError as error:
        raise WorkspaceError(
            f"The state directory {state} cannot be used ({error.strerror}). Free space there, "
            f"make it writable, or set {STATE_VARIABLE}."
        ) from error
