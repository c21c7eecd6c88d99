"""Candidates in the server's own bare git repository: git writes them, and git reads them.

No hook and no configuration but our own takes part. Of the user's repository the store has
its own copy of the commits that a climb starts from, with their trees and without files;
what we wrote is in it in full. So nothing that happens to the user's repository takes a
candidate away.

A commit's tree is its parent's tree with the harness and `.agent/` replaced.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from autoagent.errors import UnknownName, WorkspaceError
from autoagent.files import ensure, flush, make_directory
from autoagent.workspace.git import refs
from autoagent.workspace.git.plumbing import object_name, run_git

_AUTHOR = "AutoAgent <autoagent@localhost>"
MOST_PACKS = 40
_FILE, _SCRIPT = b"100644", b"100755"
_ENDING = b"reset refs/incoming\nfrom %s\n\nget-mark :1\ndone\n" % (b"0" * 40)
"""The branch was only to be written on: what keeps the commit is a ref with its name."""

_CONFIG = b"""\
[core]
\trepositoryformatversion = 0
\tbare = true
\tfsync = all
\tfsyncMethod = fsync
\thooksPath = /dev/null
\tcommitGraph = false
\tmultiPackIndex = false
[gc]
\tauto = 0
[fastimport]
\tunpackLimit = 1
"""
"""A commit is one pack, on the disk before its name is told; no index of the user's is believed."""


_TREES = ("-r", "-t")
"""What is listed: everything below a path, and the trees that lead there."""
_Objects = dict[str, tuple[bytes, bytes]]
"""The kind and content of objects, by their SHA-1."""


class _Item(NamedTuple):
    """What a tree has at a path."""

    mode: str
    kind: str
    sha: str


class Store:
    """The bare repository at `path`, created when it is not there.

    Args:
        path: Where the store is.
        harness: The harness's file name.
        notes: The directory of the meta-agent's notes: these two are all that a candidate holds.
        prefix: The workspace's path inside the user's repository, "" at its top.
        borrow: The user's objects directory, where commits to start from are; or None.
    """

    def __init__(
        self,
        path: Path,
        *,
        harness: str = "agent.py",
        notes: str = ".agent",
        prefix: str = "",
        borrow: Path | None = None,
    ) -> None:
        self.path, self._borrow = path, borrow
        self._prefix = f"{prefix}/" if prefix else ""
        self._harness = self._prefix + harness
        self._held = (self._harness, self._prefix + notes)
        for folder in ("objects/pack", "refs/heads", "refs/candidates"):
            make_directory(path / folder, 0o700)
        ensure(path / "HEAD", b"ref: refs/heads/none\n")
        ensure(path / "config", _CONFIG)
        # Git does not write what it finds through this, and a store of ours had it once.
        (path / "objects/info/alternates").unlink(missing_ok=True)

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
        _check_paths(files)
        placed = {self._prefix + path: data for path, data in files.items()}
        if stray := [path for path in placed if not self._holds(path)]:
            raise WorkspaceError(f"A candidate cannot hold {stray[0]!r}.")
        before: dict[str, _Item] = {}
        if parent is not None:
            self._have(parent)
            before = self._listed(parent, *_TREES, self._harness)
            self._reached({parent: before}, kinds=("tree",))
        was_script = any(entry.mode.encode() == _SCRIPT for entry in before.values())
        stamp = f"{_AUTHOR} {int(time.time() if at is None else at)} +0000"
        stream = [_heading(stamp, message, parent)]
        stream += [b"D %s\n" % _quoted(path) for path in self._held]
        for path, data in placed.items():
            mode = _SCRIPT if was_script and path == self._harness else _FILE
            stream.append(b"M %s inline %s\n" % (mode, _quoted(path)) + _data(data))
        commit = self._import(b"".join([*stream, _ENDING]))
        refs.swap(self.path, f"refs/candidates/{commit}", commit, "any")
        self._gather()
        return commit

    def _gather(self) -> None:
        """Make one pack of many small ones: git looks through all of them at each call."""
        packs = self.path / "objects/pack"
        if sum(1 for _ in packs.glob("*.pack")) <= MOST_PACKS:
            return
        try:
            run_git(self.path, "repack", "-d", "-n", "-q", "--geometric=2")
            flush(packs)
        except WorkspaceError:  # an old git, a full disk: the packs stay as they are
            for path in self._half_written():
                path.unlink(missing_ok=True)

    def _import(self, stream: bytes) -> str:
        """Give git a commit to write; its name, once it is on the disk."""
        try:
            out = run_git(self.path, "fast-import", "--quiet", "--done", given=stream)
            flush(self.path / "objects/pack")
        except (WorkspaceError, OSError) as error:
            for path in self._half_written():
                path.unlink(missing_ok=True)
            raise WorkspaceError(
                f"{self.path}: the candidate was not stored ({error}); nothing "
                "was lost. Free disk space, then commit again."
            ) from error
        return out.decode().strip()

    def files(self, commit: str) -> dict[str, bytes]:
        """A candidate's harness and `.agent/**`, exactly as they were committed.

        Every object is checked against its name, so a store that was tampered with is
        never served. What the candidate took over from the user's tree is left out.

        Raises:
            UnknownName: No candidate has this id.
            WorkspaceError: The store is damaged.
        """
        return self.every_file([commit])[commit]

    def every_file(self, commits: Iterable[str]) -> dict[str, dict[str, bytes]]:
        """`files` of several candidates, by commit; their objects are read at once.

        Raises:
            UnknownName: No candidate has one of these ids.
            WorkspaceError: The store is damaged.
        """
        listed: dict[str, dict[str, _Item]] = {}
        for commit in commits:
            if not self._is_candidate(commit):
                raise UnknownName(f"{commit[:60]!r} is not a candidate of {self.path}.", "status")
            listed[commit] = self._listed(commit, *_TREES, *self._held)
        objects = self._reached(listed)
        return {commit: self._own(commit, items, objects) for commit, items in listed.items()}

    def _own(self, commit: str, listed: Mapping[str, _Item], objects: _Objects) -> dict[str, bytes]:
        found = {
            path.removeprefix(self._prefix): objects[entry.sha][1]
            for path, entry in listed.items()
            if entry.kind == "blob" and self._holds(path)
        }
        if not found:
            raise WorkspaceError(
                f"Candidate {commit[:7]} has no harness where the workspace is now: it was moved "
                "inside its repository. Move it back, or start a new climb."
            )
        return found

    def read(self, names: Iterable[str]) -> _Objects:
        """Objects by their SHA-1, which each is checked against.

        Raises:
            WorkspaceError: One is missing, damaged, or was tampered with.
        """
        wanted = list(names)
        try:
            answer = run_git(
                self.path, "cat-file", "--batch", given="".join(f"{n}\n" for n in wanted).encode()
            )
        except WorkspaceError as error:
            raise self._damaged(str(error)) from error
        stream = BytesIO(answer)
        found: _Objects = {}
        for name in wanted:
            sha, *facts = stream.readline().split()
            if len(facts) != 2:
                raise WorkspaceError(f"{self.path} has no object {name}. Run `autoagent verify`.")
            kind, data = facts[0], stream.read(int(facts[1]))
            stream.read(1)
            if object_name(kind, data) != sha.decode():
                raise self._damaged(f"object {name} is not what its name says")
            found[sha.decode()] = kind, data
        return found

    def set_branch(self, tag: str, commit: str, expected: str | None) -> None:
        """Move the store's branch of a climb if it is still at `expected` (None: not there).

        Raises:
            WorkspaceError: It is somewhere else, or the tag is not a name.
        """
        self.read([commit])
        refs.swap(self.path, refs.branch_name(tag), commit, expected)

    def branch(self, tag: str) -> str | None:
        """Where the store's branch of a climb is, or None."""
        return refs.read(self.path, refs.branch_name(tag))

    def has_branch(self, tag: str) -> bool:
        """Whether a climb of this tag has a branch in the store."""
        return refs.exists(self.path, refs.branch_name(tag))

    def objects(self, commit: str, given: str | None = None) -> list[str]:
        """What a candidate and its history brought, those needed by others first.

        What one of its history brought that was `given` already is left out.
        """
        start = commit
        while start and start != given and self._is_candidate(start):
            start = self._parent(start)
        if start:
            self._have(start)
        since = [f"^{start}"] if start else []
        out = run_git(self.path, "rev-list", "--objects", "--no-object-names", commit, *since)
        return out.decode().split()[::-1]

    def tree(self, commit: str) -> dict[str, tuple[int, str]]:
        """Mode and blob of every file a commit has in the workspace, by relative path.

        The commit may be the user's. Names are decoded as the file system's are.

        Raises:
            WorkspaceError: The commit cannot be read.
        """
        self._have(commit)
        listed = self._listed(commit, "-r", *([self._prefix] if self._prefix else []))
        return {
            path.removeprefix(self._prefix): (int(entry.mode, 8), entry.sha)
            for path, entry in listed.items()
        }

    def sweep(self) -> list[Path]:
        """Remove what a killed process left half-written; only under the workspace's lock.

        Returns:
            The files that were removed.
        """
        stale = [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]
        stale += [*self.path.rglob(".*.tmp"), *self._half_written()]
        for path in stale:
            path.unlink(missing_ok=True)
        return sorted(stale)

    def _half_written(self) -> list[Path]:
        """What a git program that was stopped leaves: half objects, a lock, a report."""
        objects = self.path / "objects"
        left = [*objects.rglob("tmp_*"), *objects.glob("pack/.tmp-*")]
        left += objects.glob("pack/*.keep")  # stops the same pack's writer
        return [*left, *self.path.glob("fast_import_crash_*")]

    def _have(self, commit: str) -> None:
        """Copy a commit of the user's with its trees, unless the store has it, and keep it."""
        start = f"refs/starts/{commit}"
        if self._is_candidate(commit) or refs.exists(self.path, start):
            return
        beside = {}
        if self._borrow is not None:
            place = str(self._borrow).replace("\\", "\\\\").replace('"', '\\"')
            beside = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{place}"'}
        asked = f"--shallow {commit}\n{commit}\n".encode()
        try:
            pack = run_git(
                *(self.path, "pack-objects", "--revs", "--stdout", "--filter=blob:none", "-q"),
                given=asked,
                **beside,
            )
        except WorkspaceError as error:
            raise WorkspaceError(
                f"The repository has no object {commit}, or not all of its trees: it is a partial "
                f"clone, or is damaged. Run `git fsck` in it, then start again. ({error})"
            ) from error
        run_git(self.path, "index-pack", "--stdin", given=pack)  # names each by its content
        flush(self.path / "objects/pack")
        refs.swap(self.path, start, commit, "any")

    def _reached(
        self, listed: Mapping[str, Mapping[str, _Item]], kinds: Sequence[str] = ("tree", "blob")
    ) -> _Objects:
        """The objects from commits to what is listed of them, each checked against its name."""
        names = [name for commit in listed for name in (commit, f"{commit}^{{tree}}")]
        items = (item for of_one in listed.values() for item in of_one.values())
        return self.read([*names, *{item.sha for item in items if item.kind in kinds}])

    def _listed(self, commit: str, *options_and_paths: str) -> dict[str, _Item]:
        """What `git ls-tree` says of a commit, by path from the repository's top."""
        try:
            out = run_git(self.path, "ls-tree", "-z", "--full-tree", commit, *options_and_paths)
        except WorkspaceError as error:
            raise self._damaged(str(error)) from error
        lines = (line.split(b"\t", 1) for line in out.split(b"\0")[:-1])
        return {os.fsdecode(name): _Item(*facts.decode().split()) for facts, name in lines}

    def _holds(self, path: str) -> bool:
        """Whether a path is the harness's, or that of `.agent/` or below it."""
        return any(path == held or path.startswith(held + "/") for held in self._held)

    def _parent(self, commit: str) -> str:
        """The commit that a candidate builds on, "" for none."""
        (_, text) = self.read([commit])[commit]
        lines = text.partition(b"\n\n")[0].splitlines()
        return next((line[7:].decode() for line in lines if line.startswith(b"parent ")), "")

    def _is_candidate(self, sha: str) -> bool:
        named = refs.SHA.fullmatch(sha) is not None
        return named and refs.exists(self.path, f"refs/candidates/{sha}")

    def _damaged(self, why: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self.path} is damaged or was tampered with: {why}. Run `autoagent verify`."
        )


def _check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that leave the tree, touch a `.git`, or are a file and a directory at once."""
    seen = set(paths)
    for path in seen:
        parts = path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" or "\0" in part for part in parts):
            raise WorkspaceError(f"{path!r} is not a path a candidate can hold. Rename the file.")
        for length in range(1, len(parts)):
            if (above := "/".join(parts[:length])) in seen:
                raise WorkspaceError(f"{above!r} is both a file and a directory of one candidate.")


def _heading(stamp: str, message: str, parent: str | None) -> bytes:
    """A commit for `git fast-import`, up to its files; what no commit can say is replaced."""
    text = message.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")
    start = f"commit refs/incoming\nmark :1\nauthor {stamp}\ncommitter {stamp}\n"
    return start.encode() + _data(text) + (f"from {parent}\n".encode() if parent else b"")


def _quoted(path: str) -> bytes:
    """A path as `git fast-import` reads any."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
