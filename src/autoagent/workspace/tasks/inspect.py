"""Whether a task directory can be used, found out before a night depends on it.

A task is untrusted input and is only read here: nothing of it is executed or imported.
"""

import posixpath
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoagent.errors import TaskError, WorkspaceError
from autoagent.records import Record
from autoagent.workspace.tasks import services, verifier
from autoagent.workspace.tasks.article import conform
from autoagent.workspace.tasks.dockerfile import BASE_WORKDIR, parse_dockerfile, work_directory
from autoagent.workspace.tasks.problem import NEEDS_DOCKER, Given, Problem
from autoagent.workspace.tasks.services import Composed
from autoagent.workspace.tasks.task_files import TaskFiles, read_task, task_digest, write_task
from autoagent.workspace.tasks.task_toml import TaskToml, read_task_toml

TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Frozen(Record):
    """A task as a snapshot has it.

    `digest` names its content as it runs, in Harbor's form; `notes` are worth knowing.
    `composed`: containers of ours cannot run it, Harbor's can.
    """

    name: str
    digest: str
    has_solution: bool
    notes: tuple[str, ...] = ()
    composed: Composed = ""


class TaskReport(Frozen):
    """What is to be said about one task; `problems` keep it from being used.

    Each line begins with the file it is about. `digest` is "" where it could not be read.
    """

    problems: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether the task can be run."""
        return not self.problems


def inspect_task(directory: Path, given: Given = frozenset()) -> TaskReport:
    """Check a task directory, in the article's form or in Harbor's, for where that much is given.

    Every problem is found at once, not just the first.
    """
    try:
        task, changes = _conformed(directory)
        return _report(directory, task, changes, given)
    except (OSError, WorkspaceError) as error:
        return _unreadable(directory, error)


def freeze_task(source: Path, target: Path, given: Given) -> TaskReport:
    """Copy a task into `target` in Harbor's form, and check the copy: what is checked is what runs.

    Nothing is left there of a task that has problems.
    """
    try:
        task, changes = _conformed(source)
        report = _report(source, task, changes, given)
        if report.usable:
            write_task(task, target)
            report = _report(source, read_task(target), changes, given)
    except (OSError, WorkspaceError) as error:
        report = _unreadable(source, error)
    if not report.usable:
        shutil.rmtree(target, ignore_errors=True)
    return report


def _conformed(directory: Path) -> tuple[TaskFiles, list[str]]:
    """A task in Harbor's form, and a line for each change that this took."""
    if not TASK_NAME.fullmatch(directory.name):
        raise TaskError("name the directory with 1 to 80 of A-Z a-z 0-9 . _ -.")
    if directory.is_symlink():
        raise TaskError("is a symbolic link. Put the task's directory there.")
    task = read_task(directory)
    return task, [] if task.problems else conform(task)


def _unreadable(directory: Path, error: Exception) -> TaskReport:
    said = str(error) if isinstance(error, TaskError) else f"cannot be read ({error})."
    line = f"{directory.parent.name}/{directory.name}: {said}"
    return TaskReport(name=directory.name, problems=(line,), digest="", has_solution=False)


def _report(directory: Path, task: TaskFiles, changes: Sequence[str], given: Given) -> TaskReport:
    """What is to be said about a task in Harbor's form, by the name of a directory."""
    file = task.files.get("task.toml")
    toml = read_task_toml(file.read()) if file else TaskToml()
    problems, notes = task.problems, [*changes]
    if not problems:
        problems = [p.sentence for p in _problems(task, toml) if p.needs not in given]
        notes += _notes(task, toml)
    where = f"{directory.parent.name}/{directory.name}"
    return TaskReport(
        name=directory.name,
        problems=tuple(f"{where}/{line}" for line in problems),
        notes=tuple(f"{where}/{line}" for line in notes),
        digest=task_digest(task.files),
        has_solution="solution/solve.sh" in task.files,
        composed=services.composed(task, toml),
    )


def _problems(task: TaskFiles, toml: TaskToml) -> Iterator[Problem]:
    """What keeps a task from running somewhere, each beginning with the file."""
    if "task.toml" not in task.files:
        yield Problem("task.toml: missing. Write at least `[agent]` and `timeout_sec = 600`.")
    for problem in toml.problems:
        yield problem._replace(sentence=f"task.toml: {problem.sentence}")
    if toml.separate_verifier and "tests/Dockerfile" in task.files:
        said = f"tests/Dockerfile: an image of the verifier's own {NEEDS_DOCKER}."
        yield Problem(said, "containers")
    instruction = task.files.get("instruction.md")
    if instruction is None:
        if "steps" not in task.directories:
            yield Problem("instruction.md: missing. Write what the harness is asked to do.")
    elif not _is_text(instruction.read()):
        yield Problem("instruction.md: is not UTF-8 text. Save the file as UTF-8.")
    elif not instruction.read().strip():
        yield Problem("instruction.md: is empty. Write what the harness is asked to do.")
    if "tests/test.sh" not in task.files and not (toml.windows and "tests/test.bat" in task.files):
        yield Problem("tests/test.sh: missing. It must write /logs/verifier/reward.txt.")
    yield from services.problems(task, toml)
    context = task.below("environment")
    if dockerfile := context.get("Dockerfile"):
        for line in parse_dockerfile(dockerfile.read(), "environment/Dockerfile", context)[1]:
            yield Problem(line, "containers")


def _notes(task: TaskFiles, toml: TaskToml) -> Iterator[str]:
    yield from (f"task.toml: {note}" for note in toml.notes)
    for script in ("tests/test.sh", "solution/solve.sh"):
        if script in task.files and b"\r\n" in task.files[script].read():
            yield f"{script}: has Windows line endings, on which bash fails. Save it with LF."
    if task.below("solution") and "solution/solve.sh" not in task.files:
        yield "solution/: has no solve.sh, so the oracle cannot prove the task solvable."
    if "tests/test.sh" in task.files and not any(
        b"reward" in test.read() for test in task.below("tests").values()
    ):
        yield "tests/: nothing mentions a reward; Harbor wants /logs/verifier/reward.txt."
    if "environment/.dockerignore" in task.files:
        yield "environment/.dockerignore: the sandbox copies without reading it."
    if "tests/Dockerfile" in task.files and not toml.separate_verifier:
        yield "tests/Dockerfile: not read; the verifier runs in the task's environment."
    yield from services.notes(task, toml)
    tests = {f"tests/{name}": file.read() for name, file in task.below("tests").items()}
    dockerfile = task.files.get("environment/Dockerfile")
    image = work_directory(dockerfile.read()) if dockerfile else BASE_WORKDIR
    yield from verifier.notes(tests, posixpath.normpath(posixpath.join(image, toml.workdir)))


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
