"""The tasks and rules of a climb, frozen by content (rule R1, threat D1).

    <state>/snapshots/<digest>/
      manifest.json          the digest is its SHA-256; it names every file's
      program.md  autoagent.toml  fixed.py
      tasks/<name>/…         in Harbor's form, read-only

What runs is always the snapshot. A change in the workspace is drift: it is told, and has
no effect until the next climb.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from autoagent.config import FILE_NAME, load_config
from autoagent.errors import TaskError, WorkspaceError
from autoagent.files import flush, read_regular, walk
from autoagent.records import Record
from autoagent.workspace.article import normalise
from autoagent.workspace.layout import Workspace
from autoagent.workspace.selection import select, task_directories
from autoagent.workspace.stat_cache import StatCache
from autoagent.workspace.tasks import inspect_task

MANIFEST = "manifest.json"


class TaskFacts(Record):
    """A frozen task. `digest` names its content as it runs."""

    name: str
    digest: str
    path: Path
    has_solution: bool
    notes: tuple[str, ...] = ()


class Snapshot(Record):
    """A frozen set of tasks and rules.

    `excluded` says why a task of the workspace is not in it; held-out tasks are there too,
    so it is not for the meta-agent's eyes.
    """

    digest: str
    directory: Path
    tasks: tuple[TaskFacts, ...]
    excluded: Mapping[str, str]

    @property
    def program(self) -> bytes:
        """program.md as it was."""
        return read_regular(self.directory / "program.md")

    @property
    def fixed(self) -> bytes:
        """The harness's fixed section as it was."""
        return read_regular(self.directory / "fixed.py")


class _Frozen(Record):
    """A task in the manifest."""

    name: str
    digest: str
    has_solution: bool
    notes: tuple[str, ...]


class _Manifest(Record):
    """Everything a snapshot is; its JSON's SHA-256 is the digest."""

    format: Literal[1] = 1
    files: Mapping[str, str]
    """What is in the snapshot: `<sha256> <x or ->` by path."""
    directories: tuple[str, ...]
    """Its directories, because Harbor wants even an empty `environment/`."""
    sources: Mapping[str, str]
    """What it was taken from, by path in the workspace."""
    selected: tuple[str, ...]
    """The tasks that were looked at, the bad ones too."""
    tasks: tuple[_Frozen, ...]
    excluded: Mapping[str, str]

    def encoded(self) -> bytes:
        """The same bytes for the same facts."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1).encode()


def take(workspace: Workspace, fixed: bytes) -> Snapshot:
    """Freeze what the climb is about; equal content gives the snapshot that is there.

    A task with problems is left out, and `excluded` says why. Only for the holder of the
    workspace's lock.

    Args:
        workspace: Whose tasks, program.md and autoagent.toml are frozen.
        fixed: The harness's fixed section.

    Raises:
        WorkspaceError: There is nothing to climb on, or autoagent.toml changed meanwhile.
        TaskError: Every selected task has problems; all of them are told.
    """
    names, excluded = select(workspace)
    workspace.snapshots.mkdir(mode=0o700, exist_ok=True)
    for stale in workspace.snapshots.glob(".new-*"):
        shutil.rmtree(stale)
    staging = workspace.snapshots / f".new-{secrets.token_hex(6)}"
    (staging / "tasks").mkdir(mode=0o700, parents=True)
    try:
        cache = StatCache(workspace.state / "drift.json")
        sources = _freeze_rules(workspace, fixed, staging, cache)
        frozen: list[_Frozen] = []
        for name in names:
            sources |= _source(workspace, name, cache)
            told = _freeze_task(workspace.tasks / name, staging / "tasks" / name)
            if isinstance(told, str):
                excluded[name] = told
            else:
                frozen.append(told)
        if not frozen:
            listed = "\n".join(excluded[name] for name in names)
            raise TaskError(f"No task can be used:\n{listed}")
        manifest = _Manifest(
            files=_seal(staging),
            directories=tuple(walk(staging).directories),
            sources=sources,
            selected=tuple(names),
            tasks=tuple(frozen),
            excluded=excluded,
        )
        return _publish(workspace, staging, manifest)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load(workspace: Workspace, digest: str) -> Snapshot:
    """Read a snapshot back, every file checked against its digest.

    Files nobody touched since they were last checked are not read again.

    Raises:
        WorkspaceError: It is missing, or something in it was changed.
    """
    directory = workspace.snapshots / digest
    manifest = _manifest(directory, digest)
    cache = StatCache(workspace.state / f"checked-{digest[:12]}.json")
    here = walk(directory)
    for name, expected in manifest.files.items():
        status = here.files.get(name)
        if status is None or _state(directory / name, name, status, cache) != expected:
            what = "is missing from" if status is None else "was changed in"
            raise WorkspaceError(
                f"{name} {what} the snapshot {directory}, so nothing more can be measured on it. "
                "Start a new climb."
            )
    if missing := sorted({*manifest.directories} - {*here.directories}):
        raise WorkspaceError(f"{missing[0]}/ is missing from the snapshot {directory}. Create it.")
    if strange := sorted({*here.files, *here.problems} - {*manifest.files, MANIFEST}):
        raise WorkspaceError(f"{strange[0]} was added to the snapshot {directory}. Remove it.")
    cache.save()
    return _snapshot(directory, digest, manifest)


def drift(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """What the workspace says differently now; each line names a file.

    Returns:
        Sorted lines; empty while the workspace is as it was when the climb started.
    """
    manifest = _manifest(snapshot.directory, snapshot.digest)
    cache = StatCache(workspace.state / "drift.json")
    rules = {name: workspace.root / name for name in ("program.md", FILE_NAME)}
    now = _states(rules, cache)
    for name in manifest.selected:
        now |= _source(workspace, name, cache)
    cache.save()
    then = manifest.sources
    what = {path: "changed" for path in then if path in now and now[path] != then[path]}
    what |= {path: "removed" for path in then.keys() - now.keys()}
    what |= {path: "added" for path in now.keys() - then.keys()}
    known = {*manifest.selected, *manifest.excluded}
    for name in task_directories(workspace.tasks):
        if name not in known:
            what[f"{workspace.config.benchmark.tasks}/{name}"] = "added"
    return [
        f"{path}: {what[path]} since the climb started, which goes on with what it froze."
        for path in sorted(what)
    ]


def _freeze_rules(
    workspace: Workspace, fixed: bytes, staging: Path, cache: StatCache
) -> dict[str, str]:
    """Copy the directive and the config; both are read once."""
    if load_config(workspace.root) != workspace.config:
        raise WorkspaceError(
            f"{workspace.root / FILE_NAME} changed while the server was running. Restart it."
        )
    try:
        (staging / "program.md").write_bytes(read_regular(workspace.program))
    except OSError as error:
        raise WorkspaceError(
            f"{workspace.program} cannot be read ({error.strerror}). Write the directive there."
        ) from error
    toml = workspace.root / FILE_NAME
    (staging / FILE_NAME).write_bytes(read_regular(toml) if toml.is_file() else b"")
    (staging / "fixed.py").write_bytes(fixed)
    return _states({"program.md": workspace.program, FILE_NAME: toml}, cache)


def _freeze_task(source: Path, target: Path) -> _Frozen | str:
    """Copy one task and check the copy: what is checked is what runs."""
    before = inspect_task(source)
    try:
        changes = [] if before.problems else normalise(source, target)
    except (TaskError, OSError) as error:
        return f"{source.parent.name}/{source.name}: {error}"
    if before.problems:
        return "\n".join(before.problems)
    after = inspect_task(target)
    if after.problems:
        shutil.rmtree(target)
        return "\n".join(after.problems)
    where = f"{source.parent.name}/{source.name}"
    notes = (*(f"{where}/{change}" for change in changes), *after.notes)
    return _Frozen(
        name=source.name, digest=after.digest, has_solution=after.has_solution, notes=notes
    )


def _seal(staging: Path) -> dict[str, str]:
    """Make every file read-only and durable; returns what they are."""
    sealed: dict[str, str] = {}
    for name, status in walk(staging).files.items():
        path = staging / name
        path.chmod(0o555 if status.st_mode & 0o111 else 0o444)
        flush(path)
        sealed[name] = f"{hashlib.sha256(path.read_bytes()).hexdigest()} {_bit(status)}"
    return sealed


def _publish(workspace: Workspace, staging: Path, manifest: _Manifest) -> Snapshot:
    """Give the staged directory its name, unless it is there already and sound."""
    data = manifest.encoded()
    digest = hashlib.sha256(data).hexdigest()
    directory = workspace.snapshots / digest
    if directory.exists():
        try:
            return load(workspace, digest)
        except WorkspaceError:
            directory.rename(staging / "damaged")
    (staging / MANIFEST).write_bytes(data)
    (staging / MANIFEST).chmod(0o444)
    damaged = staging / "damaged"
    if damaged.exists():
        shutil.rmtree(damaged)
    for place in (staging / MANIFEST, *(staging / d for d in walk(staging).directories), staging):
        flush(place)
    staging.rename(directory)
    flush(workspace.snapshots)
    return _snapshot(directory, digest, manifest)


def _manifest(directory: Path, digest: str) -> _Manifest:
    try:
        data = read_regular(directory / MANIFEST)
        if hashlib.sha256(data).hexdigest() == digest:
            return _Manifest.model_validate_json(data)
    except (OSError, ValidationError):
        pass
    raise WorkspaceError(f"The snapshot {directory} is missing or was changed. Start a new climb.")


def _snapshot(directory: Path, digest: str, manifest: _Manifest) -> Snapshot:
    tasks = tuple(
        TaskFacts(path=directory / "tasks" / task.name, **task.model_dump())
        for task in manifest.tasks
    )
    return Snapshot(digest=digest, directory=directory, tasks=tasks, excluded=manifest.excluded)


def _source(workspace: Workspace, name: str, cache: StatCache) -> dict[str, str]:
    """What a task of the workspace is now, file by file."""
    directory = workspace.tasks / name
    base = f"{workspace.config.benchmark.tasks}/{name}"
    try:
        files = {} if directory.is_symlink() else walk(directory).files
    except OSError:
        return {}
    return _states({f"{base}/{path}": directory / path for path in files}, cache)


def _states(paths: Mapping[str, Path], cache: StatCache) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, path in paths.items():
        try:
            found[name] = _state(path, name, path.lstat(), cache)
        except FileNotFoundError:
            continue
        except (OSError, WorkspaceError):
            found[name] = "unreadable"
    return found


def _state(path: Path, key: str, status: os.stat_result, cache: StatCache) -> str:
    told = cache.answer(key, status, lambda: hashlib.sha256(read_regular(path)).hexdigest())
    return f"{told} {_bit(status)}"


def _bit(status: os.stat_result) -> str:
    return "x" if status.st_mode & 0o111 else "-"
