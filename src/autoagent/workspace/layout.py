"""Where everything of a workspace is, and who may change it.

The workspace's tree belongs to the human and the meta-agent. Journal, store, snapshots
and evaluations live in a directory of the server's own, outside that tree.
"""

import fcntl
import json
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Self

from autoagent.config import Config, load_config
from autoagent.errors import WorkspaceBusy, WorkspaceError
from autoagent.records import Record
from autoagent.workspace.state import open_state


class Workspace(Record):
    """A workspace and the server's private directory for it."""

    root: Path
    """The workspace, resolved."""
    config: Config
    """autoagent.toml as it was when the workspace was opened."""
    state: Path
    """The server's state directory for this workspace, mode 0700."""

    @property
    def harness(self) -> Path:
        """The file under test."""
        return self.root / self.config.harness.file

    @property
    def notes(self) -> Path:
        """Skills and notes that the meta-agent keeps."""
        return self.root / ".agent"

    @property
    def program(self) -> Path:
        """The human's directive."""
        return self.root / "program.md"

    @property
    def tasks(self) -> Path:
        """The directory of Harbor task directories."""
        return self.root / self.config.benchmark.tasks

    @property
    def ledger(self) -> Path:
        """results.tsv, a projection of the journal."""
        return self.root / "results.tsv"

    @property
    def output(self) -> Path:
        """What the server leaves for the human: jobs and the report."""
        return self.root / ".autoagent"

    @property
    def jobs(self) -> Path:
        """Harbor-native job directories."""
        return self.output / "jobs"

    @property
    def status(self) -> Path:
        """Where the climb stands, for a client's hooks."""
        return self.output / "status.json"

    @property
    def stop_file(self) -> Path:
        """While this file exists, no evaluation starts (rule R10)."""
        return self.root / "STOP"

    @property
    def journal(self) -> Path:
        """The journal's database."""
        return self.state / "journal.sqlite3"

    @property
    def store(self) -> Path:
        """The server's own bare git repository."""
        return self.state / "store.git"

    @property
    def snapshots(self) -> Path:
        """Frozen tasks, by content."""
        return self.state / "snapshots"

    @property
    def evaluations(self) -> Path:
        """One directory per evaluation."""
        return self.state / "evaluations"

    @property
    def lock(self) -> Path:
        """The file whose lock makes one server the referee."""
        return self.state / "lock"


def open_workspace(root: Path) -> Workspace:
    """Resolve a workspace, load its config and make sure of its state directory.

    Raises:
        WorkspaceError: The directory, or the place for its state, cannot be used.
        ConfigError: autoagent.toml is wrong.
    """
    try:
        resolved = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise WorkspaceError(
            f"{root} does not exist. Give the workspace's path, or make one with `autoagent init`."
        ) from error
    if not resolved.is_dir():
        raise WorkspaceError(f"{root} is not a directory. Give the directory that holds agent.py.")
    config = load_config(resolved)
    tasks = PurePosixPath(config.benchmark.tasks)
    if tasks.is_absolute() or ".." in tasks.parts or tasks == PurePosixPath():
        raise WorkspaceError(
            f"{resolved}/autoagent.toml: `benchmark.tasks` is {config.benchmark.tasks!r}; it must "
            'name a directory inside the workspace, such as "tasks".'
        )
    state = open_state(resolved)
    return Workspace(root=resolved, config=config, state=state)


class WorkspaceLock:
    """One referee per workspace (threat D8): an exclusive flock, released by the kernel.

    The file stays behind on purpose: only the lock counts, never the file's existence,
    so a killed server leaves nothing to clean up. The workspace's own directory is locked too:
    who removes what names its state may come to have another, and no second referee.
    """

    def __init__(self, path: Path, command: str | None = None, root: Path | None = None) -> None:
        """Name the lock's file, what others are told about the holder, and the workspace."""
        self.path, self._root = path, root
        self.command = command or shlex.join(sys.orig_argv)[:200]
        self._descriptor: int | None = None
        self._directory: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            WorkspaceBusy: Names the process that holds it.
        """
        if self._descriptor is not None:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(os.pread(descriptor, 4096, 0))
            os.close(descriptor)
            raise WorkspaceBusy(
                f"Another process referees this workspace: {holder}. Stop it, or use the client "
                f"it serves. (lock: {self.path})"
            ) from error
        try:
            self._directory = self._root and _locked(self._root)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        told = json.dumps({"pid": os.getpid(), "command": self.command}).encode()
        with suppress(OSError):  # a full disk: then others are not told who, and it is held
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, told, 0)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _locked(root: Path) -> int:
    """The workspace's directory, opened and locked.

    Raises:
        WorkspaceBusy: Another process has locked it.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise WorkspaceBusy(
            f"Another process referees {root}, with another state directory. Stop it, or use the "
            f"client it serves. (`lsof {root}` names it.)"
        ) from error
    return descriptor


def _holder(data: bytes) -> str:
    """The holder as it described itself; it may not have got that far yet."""
    try:
        said: dict[str, Any] = json.loads(data)
        return f"pid {int(said['pid'])} ({str(said['command'])[:200]})"
    except (ValueError, TypeError, KeyError):
        return "a process that has just started"
