"""Git's object format, as far as candidates need it: pure, byte for byte, no I/O.

Names stay bytes, because a user's tree may hold any; a candidate's own paths are checked.
"""

import hashlib
import os
from collections.abc import Mapping
from typing import NamedTuple

from autoagent.errors import WorkspaceError

DIRECTORY, FILE, SCRIPT = b"40000", b"100644", b"100755"


class Entry(NamedTuple):
    """One line of a tree: its mode as git writes it, and the object's name."""

    mode: bytes
    sha: str


Nested = dict[bytes, "bytes | Nested"]
"""Files by name, directories as further mappings."""


def object_name(kind: bytes, data: bytes) -> str:
    """The SHA-1 that git gives an object."""
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def parse_tree(data: bytes) -> dict[bytes, Entry]:
    """A tree object's entries by name."""
    entries: dict[bytes, Entry] = {}
    while data:
        head, _, rest = data.partition(b"\0")
        mode, _, name = head.partition(b" ")
        entries[name] = Entry(mode, rest[:20].hex())
        data = rest[20:]
    return entries


def serialise_tree(entries: Mapping[bytes, Entry]) -> bytes:
    """A tree object's bytes. Git sorts directories as if their names ended in a slash."""

    def order(item: tuple[bytes, Entry]) -> bytes:
        return item[0] + (b"/" if item[1].mode == DIRECTORY else b"")

    return b"".join(
        entry.mode + b" " + name + b"\0" + bytes.fromhex(entry.sha)
        for name, entry in sorted(entries.items(), key=order)
    )


def nest(files: Mapping[str, bytes]) -> Nested:
    """Files by path as nested directories.

    Raises:
        WorkspaceError: A path could leave the tree, or touch a `.git` when checked out.
    """
    root: Nested = {}
    for path, data in files.items():
        parts = path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" or "\0" in part for part in parts):
            raise WorkspaceError(f"{path!r} is not a path a candidate can hold. Rename the file.")
        here = root
        for part in parts[:-1]:
            below = here.setdefault(os.fsencode(part), {})
            if isinstance(below, bytes):
                raise WorkspaceError(f"{path!r} lies below a file of the same candidate.")
            here = below
        if os.fsencode(parts[-1]) in here:
            raise WorkspaceError(f"{path!r} is both a file and a directory of one candidate.")
        here[os.fsencode(parts[-1])] = data
    return root
