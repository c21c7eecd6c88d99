"""Candidates in the server's own bare git repository.

Objects are written by GitPython's object database inside this process: no git program,
no hook, no filter and no configuration but our own takes part. The user's repository is
only ever *read*, as inert objects that ours borrows (`objects/info/alternates`).

A commit's tree is its parent's tree with the harness and `.agent/` replaced. Whatever we
wrote is in our store in full, so no `git gc` in the user's repository can take it away.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, override

from git import Actor, Commit, GitConfigParser, Repo, Tree
from gitdb import LooseObjectDB  # pyright: ignore[reportMissingTypeStubs]

from autoagent.errors import UnknownName, WorkspaceError
from autoagent.files import ensure
from autoagent.workspace.git import refs
from autoagent.workspace.git.git_objects import (
    DIRECTORY,
    FILE,
    SCRIPT,
    Entry,
    Nested,
    nest,
    serialise_tree,
)
from autoagent.workspace.git.object_store import ObjectStore
from autoagent.workspace.git.plumbing import forget_git_environment, run_git

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
        forget_git_environment()
        self._repo = _OwnRepo(path, odbt=LooseObjectDB, expand_vars=False)
        self._objects = ObjectStore(path)

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
        base = self._objects.root(parent) if parent else None
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
            self._objects.make_durable(commit.hexsha)
        except OSError as error:
            raise WorkspaceError(
                f"{self.path}: the candidate was not stored ({error.strerror or error}); nothing "
                "was lost. Free disk space, then commit again."
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
        tree = self._below(self._objects.root(commit))
        entries = self._objects.entries(tree) if tree else {}
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
        self._objects.root(commit)
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
            following = self._objects.parent(following)
        return found

    def objects(self, commit: str) -> list[str]:
        """What we wrote for a candidate and its history, those needed by others first."""
        found: dict[str, None] = {}
        for sha in reversed(self.chain(commit)):
            self._written(self._objects.root(sha), self._prefix, found)
            found[sha] = None
        return list(found)

    def loose(self, sha: str) -> bytes:
        """An object as a loose object file has it."""
        return self._objects.loose(sha)

    def tree(self, commit: str) -> dict[str, tuple[int, str]]:
        """Mode and blob of every file a commit has in the workspace, by relative path.

        Reads the user's objects too. Names are decoded as the file system's are.

        Raises:
            WorkspaceError: The commit cannot be read.
        """
        tree = self._below(self._objects.root(commit))
        if tree is None:
            return {}
        listed: dict[str, tuple[int, str]] = {}
        self._objects.read(tree)  # says better than ls-tree what is wrong
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
        entries = self._objects.entries(base) if base else {}
        if below:
            inner = entries.get(below[0])
            inner_tree = inner.sha if inner and inner.mode == DIRECTORY else None
            entries[below[0]] = Entry(DIRECTORY, self._graft(inner_tree, below[1:], files))
            return self._objects.write(b"tree", serialise_tree(entries))
        before = {name: entries.pop(name, None) for name in self._names}
        for name, content in files.items():
            old = before[name]
            entries[name] = self._entry(content, SCRIPT if old and old.mode == SCRIPT else FILE)
        return self._objects.write(b"tree", serialise_tree(entries))

    def _entry(self, content: bytes | Nested, mode: bytes = FILE) -> Entry:
        if isinstance(content, bytes):
            return Entry(mode, self._objects.write(b"blob", content))
        entries = {name: self._entry(below) for name, below in content.items()}
        return Entry(DIRECTORY, self._objects.write(b"tree", serialise_tree(entries)))

    def _gather(self, entries: Mapping[bytes, Entry], prefix: str, found: dict[str, bytes]) -> None:
        for name, entry in entries.items():
            path = prefix + os.fsdecode(name)
            if entry.mode == DIRECTORY:
                self._gather(self._objects.entries(entry.sha), path + "/", found)
            else:
                found[path] = self._objects.read(entry.sha)[1]

    def _written(self, tree: str, below: list[bytes], found: dict[str, None]) -> None:
        """The trees down to the workspace, and all of the harness and the notes in it."""
        entries = self._objects.entries(tree)
        if below:
            self._written(entries[below[0]].sha, below[1:], found)
        for name in () if below else self._names:
            if name in entries:
                self._all(entries[name], found)
        found[tree] = None

    def _all(self, entry: Entry, found: dict[str, None]) -> None:
        if entry.mode == DIRECTORY and entry.sha not in found:
            for inner in self._objects.entries(entry.sha).values():
                self._all(inner, found)
        found[entry.sha] = None

    def _is_candidate(self, sha: str) -> bool:
        named = refs.SHA.fullmatch(sha) is not None
        return named and refs.exists(self.path, f"refs/candidates/{sha}")

    def _below(self, tree: str) -> str | None:
        """The workspace's tree inside a root tree."""
        for part in self._prefix:
            entry = self._objects.entries(tree).get(part)
            if entry is None or entry.mode != DIRECTORY:
                return None
            tree = entry.sha
        return tree


def _alternates(borrow: Path) -> bytes:
    line = os.fsencode(borrow)
    if b"\n" in line or line.startswith((b'"', b"#")):
        raise WorkspaceError(f"{borrow} has a line break in its path. Move the repository.")
    return line + b"\n"
