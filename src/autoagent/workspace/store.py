"""Candidates in the server's own bare git repository.

Objects are written by GitPython's object database inside this process: no git program,
no hook, no filter and no configuration but our own takes part. The user's repository is
only ever *read*, as inert objects that ours borrows (`objects/info/alternates`).

A commit's tree is its parent's tree with the harness and `.agent/` replaced. Whatever we
wrote is in our store in full, so no `git gc` in the user's repository can take it away.
"""

import os
import time
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, override

from git import Actor, Commit, GitConfigParser, Repo, Tree
from git.exc import ODBError
from gitdb import IStream, LooseObjectDB  # pyright: ignore[reportMissingTypeStubs]

from autoagent.errors import UnknownName, WorkspaceError
from autoagent.workspace import refs
from autoagent.workspace.files import ensure, flush
from autoagent.workspace.git_objects import (
    DIRECTORY,
    FILE,
    SCRIPT,
    Entry,
    Nested,
    nest,
    object_name,
    parse_tree,
    serialise_tree,
)
from autoagent.workspace.plumbing import run_git

AUTHOR = Actor("AutoAgent", "autoagent@localhost")
NOTES = ".agent"

_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n"


class _OwnRepo(Repo):
    """Reads the store's own configuration, never the user's or the system's."""

    @override
    def config_reader(self, config_level: Any = None) -> GitConfigParser:
        own = str(Path(self.git_dir) / "config")
        return GitConfigParser(own, read_only=True, merge_includes=False)


class Store:
    """The bare repository at `path`, created when it is not there.

    Args:
        path: Where the store is.
        harness: The harness's file name: with `.agent/`, all that a candidate holds.
        prefix: The workspace's path inside the user's repository, "" at its top.
        borrow: The user's objects directory, to be read through ours; or None.
    """

    def __init__(
        self,
        path: Path,
        *,
        harness: str = "agent.py",
        prefix: str = "",
        borrow: Path | None = None,
    ) -> None:
        self.path = path
        self._names = (harness.encode(), NOTES.encode())
        self._prefix = [os.fsencode(part) for part in PurePosixPath(prefix).parts]
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/candidates"):
            (path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        ensure(path / "HEAD", b"ref: refs/heads/none\n")
        ensure(path / "config", _CONFIG)
        if borrow is not None:
            ensure(path / "objects/info/alternates", _alternates(borrow))
        self._repo = _OwnRepo(path, odbt=LooseObjectDB, expand_vars=False)
        # Repo asks GIT_OBJECT_DIRECTORY where the objects are; it has no say here.
        self._objects: Any = LooseObjectDB(str(path / "objects"))
        self._repo.odb = self._objects

    def commit(
        self,
        files: Mapping[str, bytes],
        *,
        parent: str | None,
        message: str,
        at: float | None = None,
    ) -> str:
        """Write a candidate durably and keep it reachable for ever.

        The harness and everything below `.agent/` are replaced, the rest of the tree is
        the parent's. The message is stored as it is: data, never parsed. Equal arguments
        give the equal commit.

        Args:
            files: Content by path relative to the workspace.
            parent: The commit to build on: ours, or the user's HEAD; None for neither.
            message: The description.
            at: Unix seconds of the commit; None is now.

        Returns:
            The commit's 40 hexadecimal digits.

        Raises:
            WorkspaceError: A path is not allowed, the parent is missing, or the disk is full.
        """
        nested = nest(files)
        if stray := sorted(nested.keys() - set(self._names)):
            raise WorkspaceError(f"A candidate cannot hold {os.fsdecode(stray[0])!r}.")
        base = self._root(parent) if parent else None
        try:
            root = self._graft(base, self._prefix, nested)
            stamp = f"{int(time.time() if at is None else at)} +0000"
            text = message.replace("\0", "\N{REPLACEMENT CHARACTER}")
            commit = Commit.create_from_tree(
                self._repo,
                Tree(self._repo, bytes.fromhex(root)),
                text.encode(errors="replace").decode(),
                [Commit(self._repo, bytes.fromhex(parent))] if parent else [],
                author=AUTHOR,
                committer=AUTHOR,
                author_date=stamp,
                commit_date=stamp,
            )
            self._make_durable(commit.hexsha)
        except OSError as error:
            raise WorkspaceError(
                f"{self.path}: the candidate was not stored ({error.strerror}); nothing was lost. "
                "Free disk space, then commit again."
            ) from error
        refs.swap(self.path, f"refs/candidates/{commit.hexsha}", commit.hexsha, "any")
        return commit.hexsha

    def files(self, commit: str) -> dict[str, bytes]:
        """A candidate's harness and `.agent/**`, exactly as they were committed.

        Every object is checked against its name, so a store that was tampered with is
        never served. What the candidate took over from the user's tree is left out.

        Raises:
            UnknownName: No candidate has this id.
            WorkspaceError: The store is damaged.
        """
        if not self._is_candidate(commit):
            raise UnknownName(f"{commit[:60]!r} is not a candidate of {self.path}.", "status")
        tree = self._below(self._root(commit))
        entries = self._entries(tree) if tree else {}
        found: dict[str, bytes] = {}
        self._gather({n: entries[n] for n in self._names if n in entries}, "", found)
        if not found:
            raise WorkspaceError(
                f"Candidate {commit[:7]} has no harness where the workspace is now: it was moved "
                "inside its repository. Move it back, or start a new climb."
            )
        return found

    def set_branch(self, tag: str, commit: str, expected: str | None) -> None:
        """Move the store's branch of a climb if it is still at `expected` (None: not there).

        Raises:
            WorkspaceError: It is somewhere else, or the tag is not a name.
        """
        self._root(commit)
        refs.swap(self.path, refs.branch_name(tag), commit, expected)

    def branch(self, tag: str) -> str | None:
        """Where the store's branch of a climb is, or None."""
        return refs.read(self.path, refs.branch_name(tag))

    def has_branch(self, tag: str) -> bool:
        """Whether a climb of this tag has a branch in the store."""
        return refs.exists(self.path, refs.branch_name(tag))

    def chain(self, commit: str) -> list[str]:
        """A candidate and those it was built on, newest first; the user's commits left out."""
        found: list[str] = []
        following: str | None = commit
        while following is not None and self._is_candidate(following):
            found.append(following)
            lines = self._read(following)[1].split(b"\n")
            parent = lines[1].removeprefix(b"parent ") if lines[1].startswith(b"parent ") else None
            following = parent.decode() if parent else None
        return found

    def objects(self, commit: str) -> list[str]:
        """What we wrote for a candidate and its history, those needed by others first."""
        found: dict[str, None] = {}
        for sha in reversed(self.chain(commit)):
            self._written(self._root(sha), self._prefix, found)
            found[sha] = None
        return list(found)

    def loose(self, sha: str) -> bytes:
        """An object as a loose object file has it."""
        kind, data = self._read(sha)
        return zlib.compress(kind + b" %d\0" % len(data) + data, 1)

    def tree(self, commit: str) -> dict[str, tuple[int, str]]:
        """Mode and blob of every file a commit has in the workspace, by relative path.

        Reads the user's objects too. Names are decoded as the file system's are.

        Raises:
            WorkspaceError: The commit cannot be read.
        """
        tree = self._below(self._root(commit))
        if tree is None:
            return {}
        listed: dict[str, tuple[int, str]] = {}
        lines = run_git(self.path, "ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")
        for line in lines[:-1]:
            facts, _, name = line.partition(b"\t")
            mode, _kind, sha = facts.decode().split(" ")
            listed[os.fsdecode(name)] = (int(mode, 8), sha)
        return listed

    def sweep_locks(self) -> list[Path]:
        """Remove what a killed process left half-written; only under the workspace's lock.

        Returns:
            The files that were removed.
        """
        stale = [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]
        stale += [*self.path.rglob(".*.tmp"), *(self.path / "objects").glob("obj*")]
        for path in stale:
            path.unlink(missing_ok=True)
        return sorted(stale)

    def _graft(self, base: str | None, below: list[bytes], files: Nested) -> str:
        """The tree `base` with `files` put in place at the end of the path `below`."""
        entries = self._entries(base) if base else {}
        if below:
            inner = entries.get(below[0])
            inner_tree = inner.sha if inner and inner.mode == DIRECTORY else None
            entries[below[0]] = Entry(DIRECTORY, self._graft(inner_tree, below[1:], files))
            return self._write(b"tree", serialise_tree(entries))
        before = {name: entries.pop(name, None) for name in self._names}
        for name, content in files.items():
            old = before[name]
            entries[name] = self._entry(content, SCRIPT if old and old.mode == SCRIPT else FILE)
        return self._write(b"tree", serialise_tree(entries))

    def _entry(self, content: bytes | Nested, mode: bytes = FILE) -> Entry:
        if isinstance(content, bytes):
            return Entry(mode, self._write(b"blob", content))
        entries = {name: self._entry(below) for name, below in content.items()}
        return Entry(DIRECTORY, self._write(b"tree", serialise_tree(entries)))

    def _gather(self, entries: Mapping[bytes, Entry], prefix: str, found: dict[str, bytes]) -> None:
        for name, entry in entries.items():
            path = prefix + os.fsdecode(name)
            if entry.mode == DIRECTORY:
                self._gather(self._entries(entry.sha), path + "/", found)
            else:
                found[path] = self._read(entry.sha)[1]

    def _written(self, tree: str, below: list[bytes], found: dict[str, None]) -> None:
        """The trees down to the workspace, and all of the harness and the notes in it."""
        entries = self._entries(tree)
        if below:
            self._written(entries[below[0]].sha, below[1:], found)
        for name in () if below else self._names:
            if name in entries:
                self._all(entries[name], found)
        found[tree] = None

    def _all(self, entry: Entry, found: dict[str, None]) -> None:
        if entry.mode == DIRECTORY and entry.sha not in found:
            for inner in self._entries(entry.sha).values():
                self._all(inner, found)
        found[entry.sha] = None

    def _is_candidate(self, sha: str) -> bool:
        named = refs.SHA.fullmatch(sha) is not None
        return named and refs.exists(self.path, f"refs/candidates/{sha}")

    def _root(self, commit: str) -> str:
        kind, data = self._read(commit)
        if kind != b"commit":
            raise WorkspaceError(f"{commit} is a {kind.decode()}, not a commit.")
        return data.split(b"\n", 1)[0].removeprefix(b"tree ").decode()

    def _below(self, tree: str) -> str | None:
        """The workspace's tree inside a root tree."""
        for part in self._prefix:
            entry = self._entries(tree).get(part)
            if entry is None or entry.mode != DIRECTORY:
                return None
            tree = entry.sha
        return tree

    def _entries(self, tree: str) -> dict[bytes, Entry]:
        kind, data = self._read(tree)
        if kind != b"tree":
            raise WorkspaceError(f"{tree} is a {kind.decode()}, not a tree.")
        return parse_tree(data)

    def _file(self, sha: str) -> Path:
        return self.path / "objects" / sha[:2] / sha[2:]

    def _owns(self, sha: str) -> bool:
        return self._file(sha).is_file()

    def _read(self, sha: str) -> tuple[bytes, bytes]:
        """An object's kind and content, checked against its name; ours, or borrowed."""
        if self._owns(sha):
            try:
                stream = self._objects.stream(bytes.fromhex(sha))
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

    def _damaged(self, sha: str) -> WorkspaceError:
        return WorkspaceError(
            f"Object {sha} of {self.path} is not what its name says: the store is damaged or was "
            "tampered with. Run `autoagent verify`."
        )

    def _write(self, kind: bytes, data: bytes) -> str:
        """Store an object durably. A damaged copy left by a crash is replaced."""
        sha = object_name(kind, data)
        if self._owns(sha):
            try:
                self._read(sha)
            except WorkspaceError:
                self._file(sha).unlink()
            else:
                return sha
        self._objects.store(IStream(kind, len(data), BytesIO(data)))
        self._make_durable(sha)
        return sha

    def _make_durable(self, sha: str) -> None:
        path = self._file(sha)
        for place in (path, path.parent, path.parent.parent):
            flush(place)


def _alternates(borrow: Path) -> bytes:
    line = os.fsencode(borrow)
    if b"\n" in line or line.startswith((b'"', b"#")):
        raise WorkspaceError(f"{borrow} has a line break in its path. Move the repository.")
    return line + b"\n"
