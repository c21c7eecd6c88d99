"""The tasks and rules of a climb, frozen by content (rule R1, threat D1).

    <state>/snapshots/<digest>/
      manifest.json          the digest is its SHA-256; it names every file's
      program.md  autoagent.toml  fixed.py
      base/…                 what the tasks share of their environment
      images.json            the images that the sandbox makes tasks from, if any
      tasks/<name>/…         in Harbor's form, read-only
      holdout/<name>/…       the held-out tasks, likewise

What runs is always the snapshot. A change in the workspace is drift: it is told, and has
no effect until the next climb. What is told may reach the meta-agent, so that errors and
drift count held-out tasks and never name them.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from autoagent.config import FILE_NAME, load_config
from autoagent.errors import TaskError, WorkspaceError
from autoagent.files import digest_of, flush, make_directory, read_regular, walk
from autoagent.records import Record
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.building.shelf import freeze_images
from autoagent.workspace.tasks.inspect import Frozen, freeze_task
from autoagent.workspace.tasks.problem import Given
from autoagent.workspace.tasks.selection import files as so_many
from autoagent.workspace.tasks.selection import held_out, held_out_places, seen_tasks, select
from autoagent.workspace.tasks.stat_cache import StatCache
from autoagent.workspace.tasks.task_files import BASE, base_of, copy_base, digest_on
from autoagent.workspace.tasks.variables import Host, prints

MANIFEST = "manifest.json"
HOLDOUT = "holdout"


class TaskFacts(Frozen):
    """A frozen task, and where it is; its digest is with what tasks share."""

    path: Path


class Snapshot(Record):
    """A frozen set of tasks and rules.

    `excluded` says why a task of the workspace is not in it. `holdout` and `holdout_excluded`
    say the same of held-out tasks, which `tasks` and `excluded` never mention: those two are
    not for the meta-agent's eyes.
    """

    digest: str
    directory: Path
    tasks: tuple[TaskFacts, ...]
    excluded: Mapping[str, str]
    holdout: tuple[TaskFacts, ...] = ()
    holdout_excluded: Mapping[str, str] = {}
    variables: Mapping[str, str] = {}
    """Fingerprints of the host's variables that tasks name."""

    @property
    def composed(self) -> dict[str, str]:
        """Tasks that Harbor's own environment runs, and why; a held-out one is not named."""
        hidden = (task.replace(name="a held-out task") for task in self.holdout)
        return {task.name: task.composed for task in (*self.tasks, *hidden) if task.composed}

    @property
    def program(self) -> bytes:
        """program.md as it was."""
        return read_regular(self.directory / "program.md")


class _Manifest(Record):
    """Everything a snapshot is; its JSON's SHA-256 is the digest."""

    format: Literal[2] = 2
    files: Mapping[str, str]
    """What is in the snapshot: `<sha256> <x or ->` by path."""
    directories: tuple[str, ...]
    """Its directories, because Harbor wants even an empty `environment/`."""
    sources: Mapping[str, str]
    """What it was taken from, by path in the workspace."""
    holdout_sources: Mapping[str, str]
    """What the held-out tasks were taken from, by absolute path."""
    selected: tuple[str, ...]
    """The tasks that were looked at, the bad ones too."""
    tasks: tuple[Frozen, ...]
    excluded: Mapping[str, str]
    holdout: tuple[Frozen, ...]
    holdout_excluded: Mapping[str, str]
    variables: Mapping[str, str] = {}

    def encoded(self) -> bytes:
        """The same bytes for the same facts."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1).encode()


def take(
    workspace: Workspace,
    fixed: bytes,
    given: Given = frozenset(),
    *,
    host: Host | None = None,
    holdout: bool = True,
) -> Snapshot:
    """Freeze what the climb is about; equal content gives the snapshot that is there.

    A task with problems is left out, and `excluded` or `holdout_excluded` says why. Only for
    the holder of the workspace's lock.

    Args:
        workspace: Whose tasks, program.md and autoagent.toml are frozen.
        fixed: The harness's fixed section.
        given: What tasks can have in the environment that they are to run in.
        host: What the variables that tasks name are filled in from.
        holdout: False leaves the held-out tasks where they are: nothing will certify.

    Raises:
        WorkspaceError: There is nothing to climb on or to hold out, or autoagent.toml changed
            meanwhile.
        TaskError: Every selected task has problems; all of them are told. Or every held-out
            task has; that is counted.
    """
    names, excluded = select(workspace)
    held = held_out(workspace) if holdout else {}
    cache = StatCache(workspace.state / "drift.json")
    with _staged(workspace) as staging:
        sources = _freeze_rules(workspace, fixed, staging, cache)
        sources |= _sources(_of_workspace(workspace, names), cache)
        places, host = [workspace.tasks / name for name in names], host or Host()
        tasks, bad = _freeze(places, staging / "tasks", given, host)
        if not tasks:
            listed = "\n".join(bad.values())
            raise TaskError(f"No task can be used:\n{listed}")
        hidden, hidden_bad = _freeze(held.values(), staging / HOLDOUT, given, host)
        if held and not hidden:
            raise TaskError(
                f"None of the {len(held)} held-out tasks can be used, so that nothing could be "
                "certified on them. `autoagent doctor` says what is wrong with each."
            )
        freeze_images({n: i for task in (*tasks, *hidden) for n, i in task.images.items()}, staging)
        manifest = _Manifest(
            files=_seal(staging),
            directories=tuple(walk(staging).directories),
            sources=sources,
            holdout_sources=_sources({str(p): p for p in held.values()}, cache),
            selected=tuple(names),
            tasks=tasks,
            excluded={**excluded, **bad},
            holdout=hidden,
            holdout_excluded=hidden_bad,
            variables=prints(host, (n for task in (*tasks, *hidden) for n in task.variables)),
        )
        return _publish(workspace, staging, manifest)


@contextmanager
def _staged(workspace: Workspace) -> Generator[Path]:
    """A directory beside the snapshots to make one in; what is left of earlier ones goes."""
    make_directory(workspace.snapshots, 0o700)
    for stale in workspace.snapshots.glob(".new-*"):
        shutil.rmtree(stale)
    staging = workspace.snapshots / f".new-{secrets.token_hex(6)}"
    (staging / "tasks").mkdir(mode=0o700, parents=True)
    try:
        yield staging
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
        if status is None or _state(directory, name, name, status, cache) != expected:
            what = "is missing from" if status is None else "was changed in"
            raise WorkspaceError(
                f"{_unnamed(name)} {what} the snapshot {directory}, so nothing more can be "
                "measured on it. Start a new climb."
            )
    if missing := sorted({*manifest.directories} - {*here.directories}):
        raise WorkspaceError(
            f"{_unnamed(missing[0])}/ is missing from the snapshot {directory}. Create it."
        )
    if strange := sorted({*here.files, *here.problems} - {*manifest.files, MANIFEST}):
        raise WorkspaceError(
            f"{_unnamed(strange[0])} was added to the snapshot {directory}. Remove it."
        )
    cache.save()
    return _snapshot(directory, digest, manifest)


def drift(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """What the workspace says differently now; each line names a file.

    Returns:
        Sorted lines, and last how many files of held-out tasks; empty while the workspace is
        as it was when the climb started.
    """
    manifest = _manifest(snapshot.directory, snapshot.digest)
    cache = StatCache(workspace.state / "drift.json")
    rules = {name: workspace.root / name for name in ("program.md", FILE_NAME)}
    seen = seen_tasks(workspace)
    now = _states(rules, cache)
    still = [name for name in manifest.selected if name in seen]
    now |= _sources(_of_workspace(workspace, still), cache)
    held = held_out_places(workspace) if snapshot.holdout else []
    held_now = _sources({str(place): place for place in held}, cache)
    cache.save()
    what = _differences(manifest.sources, now)
    known = {*manifest.selected, *manifest.excluded}
    for name in seen:
        if name not in known:
            what[f"{workspace.config.benchmark.tasks}/{name}"] = "added"
    lines = [f"{path}: {what[path]}" for path in sorted(what)]
    if hidden := _differences(manifest.holdout_sources, held_now):
        lines.append(f"held-out tasks: {so_many(len(hidden))} changed")
    return [f"{line} since the climb started, which goes on with what it froze." for line in lines]


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """How each path differs."""
    what = {path: "changed" for path in then if path in now and now[path] != then[path]}
    what |= {path: "removed" for path in then.keys() - now.keys()}
    return what | {path: "added" for path in now.keys() - then.keys()}


def _unnamed(path: str) -> str:
    """A path in the snapshot, to be told."""
    return f"{HOLDOUT}/…" if path.startswith(f"{HOLDOUT}/") else path


def _freeze_rules(
    workspace: Workspace, fixed: bytes, staging: Path, cache: StatCache
) -> dict[str, str]:
    """Copy the directive, the config and what the tasks share; all are read once."""
    if load_config(workspace.root) != workspace.config:
        raise WorkspaceError(
            f"{workspace.root / FILE_NAME} changed while the server was running. Restart it."
        )
    try:
        program = read_regular(workspace.program)
    except OSError as error:
        raise WorkspaceError(
            f"{workspace.program} cannot be read ({error.strerror}). Write the directive there."
        ) from error
    if not program.strip():
        raise WorkspaceError(f"{workspace.program} is empty. Write the directive there.")
    (staging / "program.md").write_bytes(program)
    toml = workspace.root / FILE_NAME
    (staging / FILE_NAME).write_bytes(read_regular(toml) if toml.is_file() else b"")
    (staging / "fixed.py").write_bytes(fixed)
    copy_base(workspace.root, staging / BASE)
    return _states({"program.md": workspace.program, FILE_NAME: toml}, cache)


def _freeze(
    sources: Iterable[Path], target: Path, given: Given, host: Host
) -> tuple[tuple[Frozen, ...], dict[str, str]]:
    """Copy tasks; returns those that can be used, and what is wrong with the others."""
    frozen: list[Frozen] = []
    bad: dict[str, str] = {}
    for source in sources:
        report = freeze_task(source, target / source.name, given, host)
        if report.usable:
            digest = digest_on(base_of(target / source.name / "environment"), report.digest)
            if report.variables:  # with other values it is another task
                told = json.dumps(prints(host, report.variables)).encode()
                digest = digest_of([(digest, False, told)])
            if report.images:  # from another image too
                ids = {name: image.id for name, image in report.images.items()}
                told = json.dumps(ids, sort_keys=True).encode()
                digest = digest_of([(digest, False, told)])
            same = report.model_dump(exclude={"problems", "digest"})
            frozen.append(Frozen(digest=digest, **same))
        else:
            bad[source.name] = "\n".join(report.problems)
    return tuple(frozen), bad


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
    return Snapshot(
        digest=digest,
        directory=directory,
        tasks=_facts(manifest.tasks, directory / "tasks"),
        excluded=manifest.excluded,
        holdout=_facts(manifest.holdout, directory / HOLDOUT),
        holdout_excluded=manifest.holdout_excluded,
        variables=manifest.variables,
    )


def _facts(frozen: Iterable[Frozen], directory: Path) -> tuple[TaskFacts, ...]:
    return tuple(TaskFacts(path=directory / task.name, **task.model_dump()) for task in frozen)


def _of_workspace(workspace: Workspace, names: Iterable[str]) -> dict[str, Path]:
    """Tasks of the workspace, and what they share."""
    tasks = workspace.config.benchmark.tasks
    own = {f"{tasks}/{name}": workspace.tasks / name for name in names}
    return {BASE: workspace.root / BASE, **own}


def _sources(directories: Mapping[str, Path], cache: StatCache) -> dict[str, str]:
    """What directories hold now, file by file, below the names that are given for them."""
    found: dict[str, str] = {}
    for base, directory in directories.items():
        with suppress(OSError):
            files = {} if directory.is_symlink() else walk(directory).files
            for path, status in files.items():
                found[f"{base}/{path}"] = _readable(directory, path, base, status, cache)
    return found


def _readable(
    directory: Path, path: str, base: str, status: os.stat_result, cache: StatCache
) -> str:
    """What a file holds that was just seen there."""
    try:
        return _state(directory, path, f"{base}/{path}", status, cache)
    except (OSError, WorkspaceError):
        return "unreadable"


def _states(paths: Mapping[str, Path], cache: StatCache) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, path in paths.items():
        try:
            found[name] = _state(path.parent, path.name, name, path.lstat(), cache)
        except FileNotFoundError:
            continue
        except (OSError, WorkspaceError):
            found[name] = "unreadable"
    return found


def _state(directory: Path, path: str, key: str, status: os.stat_result, cache: StatCache) -> str:
    def read() -> str:
        return hashlib.sha256(read_regular(directory / path)).hexdigest()

    return f"{cache.answer(key, status, read)} {_bit(status)}"


def _bit(status: os.stat_result) -> str:
    return "x" if status.st_mode & 0o111 else "-"
