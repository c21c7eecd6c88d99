"""Where everything of a workspace is, and who may change it.

The workspace's tree belongs to the human and the meta-agent. Journal, store, snapshots
and evaluations live in a directory of the server's own, outside that tree.
"""

import fcntl
import hashlib
import json
import os
import re
import shlex
import stat
import sys
from pathlib import Path, PurePosixPath
from typing import Any, Self

from autoagent.config import Config, load_config
from autoagent.errors import WorkspaceBusy, WorkspaceError
from autoagent.records import Record

STATE_VARIABLE = "AUTOAGENT_STATE_DIR"


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
    state = state_directory(resolved)
    _make_private(state)
    return Workspace(root=resolved, config=config, state=state)


def state_directory(root: Path) -> Path:
    """Where the server keeps what belongs to the workspace at `root` (resolved).

    Raises:
        WorkspaceError: That place is inside the workspace, where a candidate could
            rewrite the journal.
    """
    base = _state_base()
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", root.name)[:40] or "root"
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    state = (base / f"{readable}-{digest}").resolve()
    if state.is_relative_to(root):
        raise WorkspaceError(
            f"The state directory {state} is inside the workspace {root}, where the meta-agent "
            f"could rewrite the journal. Point {STATE_VARIABLE} outside it."
        )
    return state


def _state_base() -> Path:
    """$AUTOAGENT_STATE_DIR, or where the XDG base directory specification says."""
    if explicit := os.environ.get(STATE_VARIABLE):
        if not Path(explicit).is_absolute():
            raise WorkspaceError(f"{STATE_VARIABLE} is {explicit!r}; give an absolute path.")
        return Path(explicit)
    home = os.environ.get("XDG_STATE_HOME", "")
    if Path(home).is_absolute():  # the specification: ignore a relative path
        return Path(home) / "autoagent"
    try:
        return Path.home() / ".local" / "state" / "autoagent"
    except RuntimeError as error:
        raise WorkspaceError(
            f"There is no home directory to keep the state in. Set {STATE_VARIABLE}."
        ) from error


def _make_private(state: Path) -> None:
    """Create the state directory, readable by its owner alone."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = state.stat()
        if status.st_uid != os.geteuid():
            raise WorkspaceError(
                f"{state} belongs to user {status.st_uid}, not to {os.geteuid()} who runs this. "
                f"Run as its owner, or set {STATE_VARIABLE}."
            )
        if stat.S_IMODE(status.st_mode) != 0o700:
            state.chmod(0o700)
    except OSError as error:
        raise WorkspaceError(
            f"The state directory {state} cannot be used ({error.strerror}). Set {STATE_VARIABLE}."
        ) from error


class WorkspaceLock:
    """One referee per workspace (threat D8): an exclusive flock, released by the kernel.

    The file stays behind on purpose: only the lock counts, never the file's existence,
    so a killed server leaves nothing to clean up.
    """

    def __init__(self, path: Path, command: str | None = None) -> None:
        """Name the lock's file, and what another process is told about the holder."""
        self.path = path
        self.command = command or shlex.join(sys.orig_argv)[:200]
        self._descriptor: int | None = None

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
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "command": self.command}).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _holder(data: bytes) -> str:
    """The holder as it described itself; it may not have got that far yet."""
    try:
        said: dict[str, Any] = json.loads(data)
        return f"pid {int(said['pid'])} ({str(said['command'])[:200]})"
    except (ValueError, TypeError, KeyError):
        return "a process that has just started"
