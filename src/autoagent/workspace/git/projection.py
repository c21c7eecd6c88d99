"""What the journal implies outside it: the store's commits, the branch, the ledger, the files.

Everything here can be done again: a server that was killed between the journal and a
projection is caught up by the next one.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePath
from typing import NamedTuple

from autoagent.errors import WorkspaceError
from autoagent.evidence import ledger
from autoagent.files import (
    flush,
    make_directory,
    opened_directory,
    read_regular,
    sweep,
    write_durably,
)
from autoagent.records import Row
from autoagent.workspace import notes
from autoagent.workspace.git.store import Store
from autoagent.workspace.git.user_repo import UserRepo, changed
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.selection import unnamed
from autoagent.workspace.tasks.stat_cache import StatCache

CLIENTS = (".mcp.json", ".claude", ".codex", ".gemini", ".opencode", "opencode.json")
"""What a client is set up by, and may write itself: no part of a climb."""

KEPT_ASIDE = 100
"""Restores whose files are kept in `aside/`."""


class Told(NamedTuple):
    """What we last wrote into results.tsv: whose rows, how many, and its digest."""

    tag: str = ""
    rows: int = 0
    digest: str = ""


class Projection:
    """The places a workspace's journal is projected to."""

    def __init__(self, workspace: Workspace) -> None:
        """Nothing is opened before it is needed."""
        self._workspace, self._told = workspace, Told()

    @cached_property
    def _repo(self) -> UserRepo:
        return UserRepo.discover(self._workspace.root)

    @cached_property
    def _store(self) -> Store:
        workspace = self._workspace
        return Store(
            workspace.store,
            harness=workspace.harness.name,
            notes=workspace.notes.name,
            prefix=self._repo.prefix,
            borrow=self._repo.objects,
        )

    def clean_head(self, tag: str) -> str:
        """The commit a climb starts from.

        Raises:
            WorkspaceError: No repository, no commit, a taken tag, or a file that differs from HEAD.
        """
        again = f'start_climb("{tag}") again'
        head = self._repo.head()
        if head is None:
            raise WorkspaceError(
                f"{self._repo.top}: the repository has no commit yet: "
                "run `git add -A && git commit -m start`.",
                again,
            )
        if self._repo.branch_exists(tag) or self._store.has_branch(tag):
            raise WorkspaceError(
                f"The branch `autoagent/{tag}` exists already: every climb has a new tag.",
                "start_climb(another tag)",
            )
        dirty = self._changed(head)
        if dirty:
            listed = ", ".join(dirty[:10]) + (
                f" and {len(dirty) - 10} more" if len(dirty) > 10 else ""
            )
            raise WorkspaceError(
                f"{self._workspace.root}: the tree is dirty: {listed} differ from HEAD. "
                "Commit or undo that.",
                again,
            )
        return head

    def changed_elsewhere(self, head: str) -> list[str]:
        """Tracked files outside a candidate that differ from the commit the climb started from."""
        return self._changed(head, self._workspace.harness, self._workspace.notes)

    def _changed(self, head: str, *own: Path) -> list[str]:
        """What differs, but for a climb's `own`, what server and clients write, and STOP.

        Told to the meta-agent, so held-out tasks are counted.
        """
        workspace = self._workspace
        ignore = (*own, workspace.ledger, workspace.output, workspace.stop_file)
        cache = StatCache(workspace.state / "tracked.json")
        names = [*(place.name for place in ignore), *CLIENTS, notes.memory_of(workspace)]
        found = changed(workspace.root, self._store.tree(head), names, cache)
        if found:  # a sparse checkout, say; a harness and its notes are looked at all the same
            passed_over = self._repo.passed_over(self._store)
            mine = (workspace.harness.name, workspace.notes.name)
            found = [p for p in found if PurePath(p).parts[0] in mine or p not in passed_over]
        return unnamed(workspace, found)

    def store(self, files: Mapping[str, bytes], *, parent: str, message: str) -> str:
        """Keep a candidate for ever; its commit."""
        return self._store.commit(files, parent=parent, message=message)

    def content(self, commit: str) -> dict[str, bytes]:
        """A candidate's harness and notes, as they were stored."""
        return self._store.files(commit)

    def contents(self, commits: Iterable[str]) -> dict[str, dict[str, bytes]]:
        """The same of many candidates, by commit, read together."""
        return self._store.every_file(commits)

    def write_out(self, commit: str, directory: Path) -> Path:
        """Write a candidate into a directory of the server's own, from the store alone."""
        shutil.rmtree(directory, ignore_errors=True)
        for path, data in self.content(commit).items():
            place = directory / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        (directory / self._workspace.notes.name).mkdir(exist_ok=True)
        return directory

    def discard_copies(self, evaluation: str) -> None:
        """Remove the harnesses that were written out for an evaluation that is over."""
        for place in (self._workspace.evaluations / evaluation).glob("harness*"):
            shutil.rmtree(place, ignore_errors=True)

    def restore(self, commit: str, event: int) -> None:
        """R6: make the harness and `.agent/` the candidate's, but for `.agent/notes/`.

        What stands there and differs is moved to `aside/` in the state directory, or in
        `.autoagent/` where that is on another file system, so that no restore loses work; in
        `aside/` the newest are kept.

        Args:
            commit: The candidate.
            event: The journal's event that asks for it; done once for each event, so that a
                restart never overwrites what the meta-agent wrote since.
        """
        if not self._restored(event):
            self._restore(self.content(commit), event)

    def hand_back(self, baseline: str, head: str, event: int, *, kept: bool) -> list[str]:
        """A climb that is over leaves its files as it found them, so that its branch can be merged.

        Where something was `kept`, what git does not track is moved aside too: the branch has it.
        Done once for the event, as `restore` is.

        Args:
            baseline: The candidate that is what was found.
            head: The commit the climb started from.
            event: The journal's event that asks for it.
            kept: Whether the branch leads anywhere.

        Returns:
            What the human should hear: a HEAD that somebody moved meanwhile is theirs to merge.
        """
        if self._restored(event):
            return []
        if self._repo.head() != head:
            own = f"{self._workspace.harness.name} and {self._workspace.notes.name}/"
            return [f"HEAD is not where the climb started, {head[:7]}: {own} stay as they are."]
        content = self.content(baseline)
        if kept:
            tracked = self._store.tree(head)
            content = {path: data for path, data in content.items() if path in tracked}
        self._restore(content, event)
        return []

    @property
    def _marker(self) -> Path:
        """Which event was the last to restore files."""
        return self._workspace.state / "restored"

    def _restored(self, event: int) -> bool:
        return self._marker.exists() and int(self._marker.read_text()) >= event

    def _restore(self, content: Mapping[str, bytes], event: int) -> None:
        workspace, marker = self._workspace, str(event).encode()
        wanted = {p: d for p, d in content.items() if not notes.is_memory(workspace, p)}
        harness, top = workspace.harness, workspace.notes
        ours = {p: d for p, d in wanted.items() if PurePath(p).is_relative_to(top.name)}
        self._restore_notes(ours, event)
        rest = {p: d for p, d in wanted.items() if p not in ours}
        if self._found(harness) != rest:
            self._set_aside(harness, event)
            for data in rest.values():
                write_durably(harness, data)
        flush(workspace.root)
        write_durably(self._marker, marker)
        notes.discard_prepared(workspace)

    def _restore_notes(self, wanted: Mapping[str, bytes], event: int) -> None:
        """Put a new `.agent/` with the memory in the old one's place.

        Who was killed between taking the old one away and that goes on with what was prepared;
        what it holds is looked at like anything that stands in the workspace.
        """
        workspace = self._workspace
        if (place := notes.prepared(workspace, event)) is not None:
            self._set_aside(workspace.notes, event)
            place.rename(workspace.notes)
        if self._found(workspace.notes) == wanted:
            return
        mode, memory = notes.mode_of(workspace), notes.read_memory(workspace)
        clash = notes.memory_of(workspace) in wanted  # a file of the candidate's
        files = wanted if clash else {**wanted, **memory}
        place = notes.prepare(workspace, files, mode, event)
        self._set_aside(workspace.notes, event)
        if place is not None:
            place.rename(workspace.notes)

    def _found(self, place: Path) -> dict[str, bytes] | None:
        """The plain files at and below a place, or None where anything else is there."""
        workspace = self._workspace
        if not os.path.lexists(place):
            return {}
        if place == workspace.notes and not place.is_file():
            found, problems = notes.read_all(workspace)
            return None if problems else found
        try:
            return {place.name: read_regular(place, notes.NOTES_LIMIT_BYTES)}
        except (OSError, WorkspaceError):
            return None

    def _set_aside(self, place: Path, event: int) -> None:
        """Move a place away. A plain file is copied: it is replaced whole a moment later."""
        if not os.path.lexists(place):
            return
        aside = self._workspace.state / "aside" / f"{event}-{secrets.token_hex(4)}"
        make_directory(aside)
        moved = sorted(aside.parent.iterdir(), key=lambda place: int(place.name.partition("-")[0]))
        for old in moved[:-KEPT_ASIDE]:  # nearly all of it is in the store as well
            shutil.rmtree(old, ignore_errors=True)
        if place.is_file() and not place.is_symlink():
            shutil.copy2(place, aside / place.name)
            flush(aside / place.name)
            flush(aside)
            return
        try:
            place.rename(aside / place.name)
            flush(aside)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system: what others own in there can be renamed, not copied and removed.
            beside = self._workspace.output / aside.name
            make_directory(beside)
            place.rename(beside / place.name)
            flush(beside)

    def candidates(self, tag: str, commits: Sequence[str]) -> None:
        """Every candidate is in the user's repository, discarded ones too: `git show` knows it."""
        self._repo.keep(self._store, tag, commits)

    def branch(self, tag: str, commit: str) -> list[str]:
        """The climb's branch, in the store and in the user's repository, is the incumbent.

        Returns:
            What the human should hear, such as that somebody had moved the branch.
        """
        if (before := self._store.branch(tag)) != commit:
            self._store.set_branch(tag, commit, before)
        return self._repo.project_branch(self._store, tag, commit)

    def ledger(self, tag: str, count: int, rows: Callable[[int], Sequence[Row]]) -> None:
        """Write results.tsv; where it is still as we left it, rows that are new are added.

        Args:
            tag: The climb's.
            count: How many rows it has.
            rows: Tells them, without so many at the beginning.
        """
        told, place = self._told, self._workspace.ledger
        try:
            before = read_regular(place)
        except (OSError, WorkspaceError):
            before = b""
        if (told.tag, told.digest) != (tag, _digest(before)) or told.rows > count:
            told, before = Told(tag), b""
        if told.digest and told.rows == count:
            return
        data = before + ledger.render(rows(told.rows), header=not before).encode()
        write_durably(place, data)
        self._told = Told(tag, count, _digest(data))

    def sweep(self) -> None:
        """Remove what a killed process left half-written; only for who has just taken the lock."""
        workspace = self._workspace
        for place in (workspace.root, workspace.output, workspace.state):
            with suppress(OSError), opened_directory(place) as directory:
                sweep(directory)
        if workspace.store.exists():
            Store(workspace.store).sweep()
            with suppress(WorkspaceError):  # who has no repository any more hears that elsewhere
                self._repo.sweep()


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
