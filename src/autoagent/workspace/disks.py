"""A disk that is full, or that cannot be written: which place it holds, and what to do.

Whatever met it says something else: a git program, SQLite, a file without a name. So the error
only says what kind of trouble it is, and the places themselves are asked which of them has it.
"""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from autoagent.errors import InfrastructureFault
from autoagent.workspace.layout import Workspace

_LITTLE = 256 * 1024
"""Bytes below which a disk counts as full: what is free may be root's alone."""
_FEW = 64
"""Files that could still be made, below which a disk counts as full: whoever failed made room."""
_AGAIN = "tell the human to mend that, then the same call again"
_SQLITE = {
    sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_IOERR: "failing", sqlite3.SQLITE_CANTOPEN: "",
}  # fmt: skip
"""By its primary code. Those of its own index of the log say no more than that it went wrong."""
_UNSURE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_ERRNOS = {
    errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EROFS: "read-only", errno.EIO: "failing",
}  # fmt: skip
_SAID = {os.strerror(number): kind for number, kind in _ERRNOS.items()}
_SAID["Out of diskspace"] = "full"  # git fast-import
"""What programs print that met it."""


@contextmanager
def told(workspace: Workspace) -> Generator[None]:
    """Whatever ends here because of a disk says which place of the workspace's it is.

    Raises:
        InfrastructureFault: In the place of that.
    """
    try:
        yield
    except Exception as error:
        if said := trouble(workspace, error):
            raise InfrastructureFault(said, _AGAIN) from error
        raise


def trouble(workspace: Workspace, error: BaseException) -> str:
    """What to tell of an error that a disk is the cause of; empty where none is."""
    gone = _gone()
    if gone is not None and any(isinstance(each, FileNotFoundError) for each in _causes(error)):
        return f"The directory for temporary files, {gone}, is not there. Make it again."
    for each in _causes(error):
        kind = _kind(each)
        if _code(each) in _UNSURE:
            kind = next((k for k in ("full", "read-only") if _having(_places(workspace), k)), kind)
        if kind:
            named = getattr(each, "filename", None)
            found = _having(_places(workspace), kind) or [str(named or "a disk of this machine")]
            what = "Free space there" if kind == "full" else "Make it writable, or mend the disk"
            return f"{' and '.join(found)}: the disk is {kind}. {what}; nothing was lost."
    return ""


def bad(workspace: Workspace) -> str:
    """Which places that a worker writes to have no room, or may not be written; mostly empty."""
    places = dict(list(_places(workspace).items())[:2])
    found = {kind: _having(places, kind) for kind in ("full", "read-only")}
    return "; ".join(f"{' and '.join(at)}: the disk is {kind}" for kind, at in found.items() if at)


def is_cause_of(error: BaseException) -> bool:
    """Whether a disk is what an error comes from."""
    return any(_kind(each) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _kind(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _ERRNOS.get(error.errno or 0, "")
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(_code(error), "")
    return next((kind for said, kind in _SAID.items() if said in str(error)), "")


def _code(error: BaseException) -> int:
    """SQLite's primary code; 0 where it is another's error."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _places(workspace: Workspace) -> dict[str, Path]:
    """What our places are for."""
    return {
        "the server's state": workspace.state,
        "the workspace": workspace.root,
        "temporary files (TMPDIR)": Path(tempfile.gettempdir()),
    }


def _having(places: dict[str, Path], kind: str) -> list[str]:
    """Those that have this trouble, each with what it is for."""
    found: dict[int, tuple[str, list[str]]] = {}  # one disk is told once
    for use, place in places.items():
        try:
            facts, device = os.statvfs(place), place.stat().st_dev
        except OSError:
            continue
        free, size = facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize
        nameless = bool(facts.f_files) and facts.f_favail < _FEW
        if kind == "full" and (free < _LITTLE or nameless):
            left = f"{free:,} of {size:,} bytes are free"
            left += f", and {facts.f_favail:,} of {facts.f_files:,} names" if nameless else ""
            found.setdefault(device, (left, []))[1].append(f"{place} ({use}")
        elif kind == "read-only" and facts.f_flag & os.ST_RDONLY:
            found.setdefault(device, ("", []))[1].append(f"{place} ({use}")
    return [_told(uses, left) for left, uses in found.values()]


def _told(uses: list[str], left: str) -> str:
    """A disk by the first place of ours on it, and what else is there."""
    others = [use.split(" (", 1)[1] for use in uses[1:]]
    return f"{', '.join([uses[0], *others])}{'; ' if left else ''}{left})"


def _gone() -> Path | None:
    """The directory of temporary files, where it is not there any more."""
    named = tempfile.tempdir or os.environ.get("TMPDIR")
    place = Path(named) if named else None
    return place if place is not None and not place.is_dir() else None
