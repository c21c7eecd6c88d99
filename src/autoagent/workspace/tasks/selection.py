"""Which tasks of a workspace a climb measures, and which it holds out, by autoagent.toml.

What is told here may reach the meta-agent: no message names a held-out task.
"""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from autoagent.config import FILE_NAME
from autoagent.errors import WorkspaceError
from autoagent.workspace.layout import Workspace


def task_directories(tasks: Path) -> list[str]:
    """Names of what could be tasks; hidden directories and loose files are not."""
    try:
        return _listed(tasks)
    except (OSError, ValueError):
        return []


def select(workspace: Workspace) -> tuple[list[str], dict[str, str]]:
    """The names `benchmark.only` selects, held-out ones never, and why others are left out.

    Raises:
        WorkspaceError: That is nothing; the names there are, are told.
    """
    tasks, config = workspace.tasks, workspace.config
    if not tasks.is_dir():
        raise WorkspaceError(
            f"{tasks}: there is no such directory. Put Harbor tasks there, or copy the examples "
            f"with `autoagent init` ({FILE_NAME}: benchmark.tasks)."
        )
    if _is_linked(workspace):
        raise WorkspaceError(f"{tasks}: is reached by a symbolic link. Put the directory there.")
    every, only = task_directories(tasks), config.benchmark.only
    if not every:
        raise WorkspaceError(f"{tasks}: holds no task. Each task is a directory with a task.toml.")
    seen = seen_tasks(workspace)
    selected = [name for name in seen if not only or _matches(name, only)]
    if not selected:
        there_are = ", ".join(seen) or "none"
        if held := len(every) - len(seen):
            there_are += f", and {held} held out"
        raise WorkspaceError(
            f"{workspace.root / FILE_NAME}: benchmark.only = {list(only)} less holdout.tasks "
            f"selects no task. There are: {there_are}. Correct one."
        )
    base = config.benchmark.tasks
    left_out = [name for name in seen if name not in selected]
    return selected, {name: f"{base}/{name}: not named by benchmark.only." for name in left_out}


def seen_tasks(workspace: Workspace) -> list[str]:
    """Names in `benchmark.tasks` that are not held out, selected or not."""
    held = workspace.config.holdout.tasks
    return [name for name in _in_tasks(workspace) if not _matches(name, held)]


def held_out(workspace: Workspace) -> dict[str, Path]:
    """The directory of every held-out task, by name: `holdout.tasks` and `holdout.directory`.

    Raises:
        WorkspaceError: A pattern or the directory holds nothing out, the directory is one
            that the meta-agent sees, or a name in it is in `benchmark.tasks` too.
    """
    where = workspace.root / FILE_NAME
    for number, pattern in enumerate(workspace.config.holdout.tasks, start=1):
        if not any(fnmatchcase(name, pattern) for name in _in_tasks(workspace)):
            raise WorkspaceError(
                f"{where}: pattern {number} of holdout.tasks is no task in {workspace.tasks}, so "
                "that what it should hold out might be shown. Correct it or take it out."
            )
    directory = holdout_directory(workspace)
    if directory is not None:
        _check_directory(workspace, directory)
    if shared := held_out_twice(workspace):
        raise WorkspaceError(
            f"{workspace.tasks} and {directory} (holdout.directory) both have tasks of the same "
            f"name, {len(shared)} in all, which `autoagent doctor` names. Rename them in one."
        )
    return {place.name: place for place in held_out_places(workspace)}


def held_out_places(workspace: Workspace) -> list[Path]:
    """What is held out as the directories stand, whatever `held_out` would refuse."""
    held, directory = workspace.config.holdout.tasks, holdout_directory(workspace)
    places = [workspace.tasks / name for name in _in_tasks(workspace) if _matches(name, held)]
    if directory is not None:
        places += [directory / name for name in task_directories(directory)]
    return places


def held_out_twice(workspace: Workspace) -> list[str]:
    """Names that are in `holdout.directory` and in `benchmark.tasks`; not for the meta-agent."""
    directory = holdout_directory(workspace)
    here = set(_in_tasks(workspace))
    return [name for name in task_directories(directory) if name in here] if directory else []


def holdout_directory(workspace: Workspace) -> Path | None:
    """`holdout.directory`, or None where autoagent.toml names none."""
    directory = workspace.config.holdout.directory
    return None if directory is None else workspace.root / directory


def unnamed(workspace: Workspace, paths: Iterable[str]) -> list[str]:
    """Paths in the workspace, to be told: files of held-out tasks are counted, not named."""
    told: list[str] = []
    count = 0
    for path in paths:
        if _is_held_out(workspace, path):
            count += 1
        else:
            told.append(path)
    return [*told, f"{files(count)} of held-out tasks"] if count else told


def files(count: int) -> str:
    """So many files, in words."""
    return f"{count} file{'s' if count != 1 else ''}"


def _is_held_out(workspace: Workspace, path: str) -> bool:
    tasks = PurePosixPath(workspace.config.benchmark.tasks)
    directory = holdout_directory(workspace)
    if directory is not None:
        inside = Path(os.path.normpath(directory))
        if Path(workspace.root, path).is_relative_to(inside):
            return True
    if not PurePosixPath(path).is_relative_to(tasks):
        return False
    rest = PurePosixPath(path).relative_to(tasks).parts
    return bool(rest) and _matches(rest[0], workspace.config.holdout.tasks)


def _check_directory(workspace: Workspace, directory: Path) -> None:
    """Refuse a `holdout.directory` that holds nothing, or that the meta-agent sees anyway."""
    where = f"{workspace.root / FILE_NAME}: holdout.directory = {directory}"
    try:
        names, real = _listed(directory), directory.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise WorkspaceError(
            f"{where} cannot be read ({said}). Put held-out Harbor tasks there, let this "
            "user read them, or take the line out."
        ) from error
    for shown in (workspace.tasks, workspace.notes, workspace.output):
        place = shown.resolve()
        if real.is_relative_to(place) or place.is_relative_to(real):
            raise WorkspaceError(
                f"{where} overlaps with {shown}, which the meta-agent sees. Name a directory that "
                "holds nothing but held-out tasks, best outside the workspace."
            )
    if not names:
        raise WorkspaceError(
            f"{where} holds no task. Each task is a directory with a task.toml; put some there, or "
            "take the line out."
        )


def _in_tasks(workspace: Workspace) -> list[str]:
    """Names in `benchmark.tasks`; none where a link is in its place."""
    return [] if _is_linked(workspace) else task_directories(workspace.tasks)


def _is_linked(workspace: Workspace) -> bool:
    """Whether a link is in the place of the tasks.

    It could lead to what the server's user may read and the meta-agent may not.
    """
    return Path(os.path.realpath(workspace.tasks)) != workspace.tasks


def _listed(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
