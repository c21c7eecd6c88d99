"""Objects of the server's bare repository: durable when written, checked when read.

Ours are written by GitPython's object database (gitdb) inside this process. What we only
borrow from the user's repository is read through `git cat-file` over our own.
"""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from gitdb import IStream, LooseObjectDB  # pyright: ignore[reportMissingTypeStubs]
from gitdb.exc import ODBError  # pyright: ignore[reportMissingTypeStubs]

from autoagent.errors import WorkspaceError
from autoagent.files import flush
from autoagent.workspace.git.git_objects import Entry, object_name, parse_tree
from autoagent.workspace.git.plumbing import run_git


class ObjectStore:
    """The objects of the bare repository at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database: Any = LooseObjectDB(str(path / "objects"))

    def read(self, sha: str) -> tuple[bytes, bytes]:
        """An object's kind and content, ours or borrowed, checked against its name.

        Raises:
            WorkspaceError: It is missing, damaged, or was tampered with.
        """
        if self._file(sha).is_file():
            try:
                stream = self.database.stream(bytes.fromhex(sha))
                kind, data = bytes(stream.type), bytes(stream.read())
            except (ODBError, OSError, ValueError, zlib.error) as error:
                raise self._damaged(sha) from error
        else:
            answer = run_git(self.path, "cat-file", "--batch", given=f"{sha}\n".encode())
            header, _, data = answer.partition(b"\n")
            if header.count(b" ") != 2:
                raise WorkspaceError(
                    f"The repository has no object {sha}: it is a partial clone, or is damaged. "
                    "Run `git fsck` in it, then start again."
                )
            kind, data = header.split(b" ")[1], data[:-1]
        if object_name(kind, data) != sha:
            raise self._damaged(sha)
        return kind, data

    def entries(self, tree: str) -> dict[bytes, Entry]:
        """A tree's entries by name."""
        kind, data = self.read(tree)
        if kind != b"tree":
            raise WorkspaceError(f"{tree} is a {kind.decode()}, not a tree.")
        return parse_tree(data)

    def root(self, commit: str) -> str:
        """The tree of a commit."""
        kind, data = self.read(commit)
        if kind != b"commit":
            raise WorkspaceError(f"{commit} is a {kind.decode()}, not a commit.")
        return data.split(b"\n", 1)[0].removeprefix(b"tree ").decode()

    def parent(self, commit: str) -> str | None:
        """The first parent of a commit."""
        line = self.read(commit)[1].split(b"\n")[1]
        return line.removeprefix(b"parent ").decode() if line.startswith(b"parent ") else None

    def write(self, kind: bytes, data: bytes) -> str:
        """Store an object durably. A damaged copy left by a crash is replaced."""
        sha = object_name(kind, data)
        if self._file(sha).is_file():
            try:
                self.read(sha)
            except WorkspaceError:
                self._file(sha).unlink()
            else:
                return sha
        self.database.store(IStream(kind, len(data), BytesIO(data)))
        self.make_durable(sha)
        return sha

    def make_durable(self, sha: str) -> None:
        """Wait until an object that was just written is on the disk, its name too."""
        path = self._file(sha)
        for place in (path, path.parent, path.parent.parent):
            flush(place)

    def loose(self, sha: str) -> bytes:
        """An object as a loose object file has it."""
        kind, data = self.read(sha)
        return zlib.compress(kind + b" %d\0" % len(data) + data, 1)

    def _file(self, sha: str) -> Path:
        return self.path / "objects" / sha[:2] / sha[2:]

    def _damaged(self, sha: str) -> WorkspaceError:
        return WorkspaceError(
            f"Object {sha} of {self.path} is not what its name says: the store is damaged or was "
            "tampered with. Run `autoagent verify`."
        )
