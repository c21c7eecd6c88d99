"""What the journal implies outside it: the store's commits, the branch, the ledger, the files.

Everything here can be done again: a server that was killed between the journal and a
projection is caught up by the next one.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePath

from autoagent.errors import WorkspaceError
from autoagent.evidence import ledger
from autoagent.files import read_regular, write_durably
from autoagent.records import Row
from autoagent.workspace import notes
from autoagent.workspace.git.store import Store
from autoagent.workspace.git.user_repo import UserRepo, changed
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.selection import unnamed
from autoagent.workspace.tasks.stat_cache import StatCache

CLIENTS = (".mcp.json", ".claude", ".codex", ".gemini", ".opencode", "opencode.json")
"""What a client is set up by, and may write itself: no part of a climb."""


class Projection:
    """The places a workspace's journal is projected to."""

    def __init__(self, workspace: Workspace) -> None:
        """Nothing is opened before it is needed."""
        self._workspace = workspace

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
        return unnamed(workspace, changed(workspace.root, self._store.tree(head), names, cache))

    def store(self, files: Mapping[str, bytes], *, parent: str, message: str) -> str:
        """Keep a candidate for ever; its commit."""
        return self._store.commit(files, parent=parent, message=message)

    def content(self, commit: str) -> dict[str, bytes]:
        """A candidate's harness and notes, as they were stored."""
        return self._store.files(commit)

    def write_out(self, commit: str, directory: Path) -> Path:
        """Write a candidate into a directory of the server's own, from the store alone."""
        shutil.rmtree(directory, ignore_errors=True)
        for path, data in self.content(commit).items():
            place = directory / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        (directory / self._workspace.notes.name).mkdir(exist_ok=True)
        return directory

    def restore(self, commit: str, event: int) -> None:
        """R6: make the harness and `.agent/` the candidate's, but for `.agent/notes/`.

        What stands there and differs is moved to `aside/` in the state directory, or to
        `.autoagent/` where that is on another file system, so that no restore loses work.

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
        wanted = {p: d for p, d in content.items() if not notes.is_memory(self._workspace, p)}
        aside = self._workspace.state / "aside" / f"{event}-{secrets.token_hex(4)}"
        for place in (self._workspace.harness, self._workspace.notes):
            here = {p: d for p, d in wanted.items() if PurePath(p).is_relative_to(place.name)}
            if self._found(place) == here:
                continue
            mode, memory = notes.mode_of(self._workspace), notes.read_memory(self._workspace)
            self._set_aside(place, aside)
            if place == self._workspace.notes:
                clash = notes.memory_of(self._workspace) in here  # a file of the candidate's
                notes.replace_all(self._workspace, here if clash else here | memory, mode)
            else:
                for data in here.values():
                    write_durably(place, data)
        write_durably(self._marker, str(event).encode())

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

    def _set_aside(self, place: Path, aside: Path) -> None:
        """Move a place away. A plain file is copied: it is replaced whole a moment later."""
        if not os.path.lexists(place):
            return
        aside.mkdir(parents=True, exist_ok=True)
        if place.is_file() and not place.is_symlink():
            shutil.copy2(place, aside / place.name)
            return
        try:
            place.rename(aside / place.name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system: what others own in there can be renamed, not copied and removed.
            beside = self._workspace.output / aside.name
            beside.mkdir(parents=True)
            place.rename(beside / place.name)

    def branch(self, tag: str, commit: str) -> list[str]:
        """The climb's branch, in the store and in the user's repository, is the incumbent.

        Returns:
            What the human should hear, such as that somebody had moved the branch.
        """
        self._store.set_branch(tag, commit, self._store.branch(tag))
        return self._repo.project_branch(self._store, tag, commit)

    def ledger(self, rows: Sequence[Row]) -> None:
        """Write results.tsv anew."""
        write_durably(self._workspace.ledger, ledger.render(rows).encode())

    def sweep_locks(self) -> None:
        """Remove what a killed process left; only while holding the workspace's lock."""
        if self._workspace.store.exists():
            Store(self._workspace.store).sweep_locks()
