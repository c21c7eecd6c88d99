"""`autoagent adopt`: takes a directory of tasks that others wrote, and says what runs where.

Nothing of a task is run. Whatever can be used in the workspace's environment is copied, under a
name that is safe everywhere; nothing is overwritten.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from autoagent.commands.before.suite import host_for
from autoagent.environments.kinds import kind_of
from autoagent.errors import WorkspaceError
from autoagent.records import Record
from autoagent.referee.candidates import baseline_draft
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tasks.inspect import TASK_NAME, TaskReport, inspect_task
from autoagent.workspace.tasks.problem import Given
from autoagent.workspace.tasks.task_files import read_task, task_digest, write_task
from autoagent.workspace.tasks.variables import Host

ENVIRONMENTS = ("sandbox", "docker")
_LONGEST = 80


class Adopted(Record):
    """One task: where it lies, its name here, and by environment what keeps it from running there.

    `state` is `copied`, `there` where the same was adopted before, or `left`, and `why`.
    """

    source: str
    name: str
    problems: Mapping[str, tuple[str, ...]]
    state: str
    why: str = ""


def adopt(root: Path, directory: Path, *, copy: bool = True) -> list[Adopted]:
    """Look at every task below a directory, and copy those that can be used.

    Args:
        root: The workspace.
        directory: Where the tasks lie, at any depth.
        copy: False only looks.

    Raises:
        WorkspaceError: There is no task, or the workspace's own directory is in it.
    """
    workspace = open_workspace(root)
    places = [*_tasks_below(directory)] if directory.is_dir() else []
    if not places:
        raise WorkspaceError(f"{directory}: holds no task; each is a directory with a task.toml.")
    if workspace.tasks.resolve().is_relative_to(directory.resolve()):
        raise WorkspaceError(f"{directory}: {workspace.tasks} is in it. Name another directory.")
    own = workspace.config.benchmark.environment
    host = host_for(workspace, lambda: baseline_draft(workspace))
    given = {name: kind_of(name).gives for name in dict.fromkeys((*ENVIRONMENTS, own))}
    taken: set[str] = set()
    found: list[Adopted] = []
    with tempfile.TemporaryDirectory() as scratch:
        for place in places:
            name = _name_for(place, directory, taken)
            taken.add(name)
            staged = Path(scratch, "tasks", name)
            reports = {
                environment: _report(place, staged, gives, host)
                for environment, gives in given.items()
            }
            state, why = "left", f"not in {own!r}"
            if reports[own].usable:
                state, why = _put(staged, workspace.tasks / name, copy=copy)
            problems = {environment: report.problems for environment, report in reports.items()}
            source = str(place.relative_to(directory))
            found.append(Adopted(source=source, name=name, problems=problems, state=state, why=why))
    return found


def _tasks_below(directory: Path) -> Iterator[Path]:
    """Directories with a task.toml; what is in one of them is its own."""
    if (directory / "task.toml").is_file():
        yield directory
        return
    for entry in sorted(directory.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".git"):
            yield from _tasks_below(entry)


def _name_for(place: Path, directory: Path, taken: set[str]) -> str:
    """A name that is safe everywhere: the directory's own, with those above where two are alike."""
    place, directory = place.resolve(), directory.resolve()
    above, name = place.relative_to(directory).parts or (place.name,), ""
    for count in range(1, len(above) + 1):
        name = _safe("-".join(above[-count:]))
        if name not in taken:
            return name
    number = next(n for n in range(2, len(taken) + 3) if f"{name}-{n}"[:_LONGEST] not in taken)
    return f"{name[: _LONGEST - 6]}-{number}"


def _safe(name: str) -> str:
    found = re.sub(r"[^A-Za-z0-9._+@~-]+", "-", name).lstrip(".-+@~")[:_LONGEST] or "task"
    assert TASK_NAME.fullmatch(found), f"{found!r} is a name for a task"
    return found


def _report(place: Path, staged: Path, given: Given, host: Host | None) -> TaskReport:
    """What is to be said of a task under its name here; one that cannot be read says why itself."""
    if not staged.exists():
        try:
            task = read_task(place)
        except OSError:
            return inspect_task(place, given, host)
        if task.problems:
            return inspect_task(place, given, host)
        write_task(task, staged)
    return inspect_task(staged, given, host)


def _put(staged: Path, target: Path, *, copy: bool) -> tuple[str, str]:
    """Copy a task, unless something has its name."""
    if target.exists() or target.is_symlink():
        here = task_digest(read_task(target).files) if target.is_dir() else ""
        if here == task_digest(read_task(staged).files):
            return "there", ""
        return "left", f"another is at {target}"
    if copy:
        shutil.copytree(staged, target)
    return "copied" if copy else "left", "" if copy else "only looked at"
