"""How far the server is from the meta-agent: a tier, which is found out and never claimed.

Tier 0 is one user for both: what the meta-agent's shell does to journal, tasks and code shows,
but it is not prevented. Tier 1 is a server of its own user that its client reaches over HTTP
alone: by owner and mode, the client's user can change none of them. That is looked at when the
server starts, file by file; one file that the client could change, and it is tier 0.
"""

import os
import pwd
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from autoagent.errors import WorkspaceError
from autoagent.files import read_regular
from autoagent.records import Record
from autoagent.workspace.layout import Workspace

TIER_0 = "tier 0 (same user): the journal makes tampering evident, not impossible"
TIER_1 = "tier 1 (separate user): user {peer} cannot change journal, tasks, rules or the server"
NOT_SEPARATE = "tier 0 (not separate: {hole}): the journal makes tampering evident, not impossible"

PEER_FILE = "peer.json"
"""In the state directory: whom `autoagent separate` keeps the server from."""


class Peer(Record):
    """The user whose client is served, and what its token hashes to; the token is that user's."""

    uid: int
    gid: int
    name: str
    token_sha256: str

    @property
    def groups(self) -> frozenset[int]:
        """Every group the user is in."""
        try:
            return frozenset(os.getgrouplist(pwd.getpwuid(self.uid).pw_name, self.gid))
        except KeyError:
            return frozenset({self.gid})

    def can_change(self, status: os.stat_result) -> bool:
        """Whether the user may write to what has this owner and mode, or let itself do so."""
        if status.st_uid == self.uid:
            return True
        mode = status.st_mode
        if stat.S_ISLNK(mode):
            return False
        shared = bool(mode & stat.S_IWGRP) and status.st_gid in self.groups
        return shared or bool(mode & stat.S_IWOTH)


def peer_of(state: Path) -> Peer | None:
    """The peer of a workspace's server, or None where nobody separated it.

    Raises:
        WorkspaceError: What is written there is no peer.
    """
    place = state / PEER_FILE
    try:
        return Peer.model_validate_json(read_regular(place))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise WorkspaceError(
            f"{place} does not say whom the server is kept from.", "`sudo autoagent separate` again"
        ) from error


def tier(peer: Peer | None, workspace: Workspace) -> str:
    """The tier of a server that this process runs over HTTP, in one line.

    `peer` is the client's user, or None where nobody was named.
    """
    if peer is None:
        return TIER_0
    hole = next(holes(peer, workspace), None)
    return NOT_SEPARATE.format(hole=hole) if hole else TIER_1.format(peer=peer.name)


def holes(peer: Peer, workspace: Workspace) -> Iterator[str]:
    """What the client's user could change, one phrase each, the gravest first.

    The harness, the notes and the repository are that user's own.
    """
    own = os.geteuid()
    if peer.uid in (0, own):
        yield "root can change everything" if peer.uid == 0 else "the client has the server's user"
        return
    if own == 0:
        yield "the server runs as root"
    status = workspace.state.lstat()
    if status.st_uid != own or stat.S_IMODE(status.st_mode) != 0o700:
        yield f"{workspace.state} is not of the server's user alone"
    held_out = workspace.config.holdout.directory
    beside = [(workspace.root / held_out).resolve()] if held_out else []
    yield from above(peer, (workspace.root, workspace.state, *beside))
    yield from _below(peer, workspace.root, {workspace.harness.name, workspace.notes.name, ".git"})
    for place in beside:
        yield from _below(peer, place, set())
    yield from code(peer)


def above(peer: Peer, places: Iterable[Path]) -> Iterator[str]:
    """Directories on the way to some places, in which the user could put others in their stead."""
    seen: set[Path] = set()
    for place in places:
        for directory in (p for p in (place, *place.parents) if p not in seen):
            seen.add(directory)
            status = directory.stat()
            kept = bool(status.st_mode & stat.S_ISVTX) and status.st_uid != peer.uid
            if peer.can_change(status) and not kept:
                yield _said(peer, directory)


def code(peer: Peer) -> Iterator[str]:
    """What the server runs: the interpreter, and every file it could import."""
    library = sysconfig.get_config_var("LDLIBRARY") or ""
    places = {Path(entry).resolve() for entry in sys.path if entry}
    places |= {Path(sys.executable), Path(sys.executable).resolve(), Path(__file__).parents[1]}
    places |= {Path(sys.prefix, "pyvenv.cfg"), Path(sys.base_prefix, "lib", library)}
    found = sorted(place for place in places if place.exists())
    yield from above(peer, found)
    outermost = [p for p in found if not any(o in p.parents for o in found)]
    for place in outermost:
        yield from _below(peer, place, set())


def _below(peer: Peer, place: Path, left_out: set[str]) -> Iterator[str]:
    """What the user could change in a tree; `left_out` names entries of its top."""
    if not place.is_dir():
        return
    waiting = [entry for entry in os.scandir(place) if entry.name not in left_out]
    while waiting:
        entry = waiting.pop()
        if peer.can_change(entry.stat(follow_symlinks=False)):
            yield _said(peer, Path(entry.path))
        elif entry.is_dir(follow_symlinks=False):
            with suppress(PermissionError):  # what the server cannot read it does not run
                waiting += os.scandir(entry.path)


def _said(peer: Peer, path: Path) -> str:
    return f"user {peer.name} can change {path}"
