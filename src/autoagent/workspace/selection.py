"""Which tasks of a workspace a climb measures, by autoagent.toml."""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from autoagent.config import FILE_NAME
from autoagent.errors import WorkspaceError
from autoagent.workspace.layout import Workspace


def task_directories(tasks: Path) -> list[str]:
    """Names of what could be tasks; hidden directories and loose files are not."""
    try:
        found = [e.name for e in os.scandir(tasks) if e.is_dir() and not e.name.startswith(".")]
    except OSError:
        return []
    return sorted(found)


def select(workspace: Workspace) -> tuple[list[str], dict[str, str]]:
    """The names `benchmark.only` selects less `holdout.tasks`, and why others are left out.

    Raises:
        WorkspaceError: That is nothing; the names there are, are told.
    """
    tasks, config = workspace.tasks, workspace.config
    if not tasks.is_dir():
        raise WorkspaceError(
            f"{tasks}: there is no such directory. Put Harbor tasks there, or copy the examples "
            "with `autoagent init`."
        )
    every = task_directories(tasks)
    if not every:
        raise WorkspaceError(f"{tasks}: holds no task. Each task is a directory with a task.toml.")
    excluded: dict[str, str] = {}
    for name in every:
        if _matches(name, config.holdout.tasks):
            excluded[name] = f"{config.benchmark.tasks}/{name}: held out by holdout.tasks."
        elif config.benchmark.only and not _matches(name, config.benchmark.only):
            excluded[name] = f"{config.benchmark.tasks}/{name}: not named by benchmark.only."
    selected = [name for name in every if name not in excluded]
    if not selected:
        raise WorkspaceError(
            f"{workspace.root / FILE_NAME}: benchmark.only = {list(config.benchmark.only)} less "
            f"holdout.tasks = {list(config.holdout.tasks)} selects no task. "
            f"There are: {', '.join(every)}."
        )
    return selected, excluded


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
