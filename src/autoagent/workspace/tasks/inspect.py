"""Whether a task directory can be used, found out before a night depends on it.

A task is untrusted input and is only read here: nothing of it is executed or imported.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from autoagent.errors import TaskError
from autoagent.files import digest_of
from autoagent.records import Record
from autoagent.workspace.tasks import services, verifier
from autoagent.workspace.tasks.article import Conformed, File, conform, normalise
from autoagent.workspace.tasks.config import Finding, check_task_toml, parse_toml
from autoagent.workspace.tasks.dockerfile import ELSEWHERE, parse_dockerfile
from autoagent.workspace.tasks.services import Composed

__all__ = ["TASK_NAME", "Composed", "TaskReport", "inspect_task", "normalise", "task_digest"]

TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

_LIFTED = {"docker": (ELSEWHERE,), "harbor": (ELSEWHERE, "needs a provider")}
"""Words of problems that are none in an environment other than the sandbox."""


class TaskReport(Record):
    """What is to be said about one task.

    `problems` keep it from being used; `notes` are worth knowing. Each line begins with
    the file it is about. `digest` names the content as it would run, in Harbor's form;
    "" where it could not be read. `composed`: containers of ours cannot run it, Harbor's can.
    """

    name: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    digest: str
    has_solution: bool
    composed: Composed = ""

    @property
    def usable(self) -> bool:
        """Whether the task can be run."""
        return not self.problems


def inspect_task(directory: Path, environment: str = "sandbox") -> TaskReport:
    """Check a task directory, in the article's form or in Harbor's, for where it is to run.

    Every problem is found at once, not just the first.
    """
    name = directory.name
    where = f"{directory.parent.name}/{name}"
    problems: list[str] = []
    if not TASK_NAME.fullmatch(name):
        problems.append(f"{where}: name the directory with 1 to 80 of A-Z a-z 0-9 . _ -.")
    if directory.is_symlink():
        problems.append(f"{where}: is a symbolic link. Put the task's directory there.")
    if problems:
        return TaskReport(
            name=name, problems=tuple(problems), notes=(), digest="", has_solution=False
        )
    try:
        task = conform(directory)
        found = [] if task.problems else list(_problems(task, environment))
        notes = [] if task.problems else list(_notes(task))
        problems = [f"{where}/{line}" for line in (*task.problems, *found)]
        return TaskReport(
            name=name,
            problems=tuple(problems),
            notes=tuple(f"{where}/{line}" for line in (*task.notes, *notes)),
            digest=task_digest(task.files),
            has_solution="solution/solve.sh" in task.files,
            composed=services.composed(task, _finding(task)),
        )
    except (OSError, TaskError) as error:
        line = f"{where}: cannot be read ({error})."
        return TaskReport(name=name, problems=(line,), notes=(), digest="", has_solution=False)


def task_digest(files: Mapping[str, File]) -> str:
    """Names the content of a task, as `digest_of` does."""
    return digest_of((name, files[name].executable, files[name].read()) for name in sorted(files))


def _problems(task: Conformed, environment: str) -> Iterator[str]:
    """What keeps a task from running there, each line beginning with the file."""
    lifted = _LIFTED.get(environment.partition(":")[0], ())
    for line in _every_problem(task, sandboxed=environment == "sandbox"):
        if not any(reason in line for reason in lifted):
            yield line


def _every_problem(task: Conformed, *, sandboxed: bool) -> Iterator[str]:
    """What keeps a task from running somewhere."""
    finding = Finding([], [])
    file = task.files.get("task.toml")
    if file is None:
        yield "task.toml: missing. Write at least `[agent]` and `timeout_sec = 600`."
    else:
        try:
            finding = check_task_toml(parse_toml(file.read()))
        except ValueError as error:
            yield f"task.toml: {error}."
        else:
            yield from (f"task.toml: {problem}" for problem in finding.problems)
            if finding.separate_verifier and "tests/Dockerfile" in task.files:
                yield f"tests/Dockerfile: an image of the verifier's own {ELSEWHERE}."
    instruction = task.files.get("instruction.md")
    if instruction is None:
        if "steps" not in task.directories:
            yield "instruction.md: missing. Write what the harness is asked to do."
    elif not _is_text(instruction.read()):
        yield "instruction.md: is not UTF-8 text. Save the file as UTF-8."
    elif not instruction.read().strip():
        yield "instruction.md: is empty. Write what the harness is asked to do."
    if "tests/test.sh" not in task.files and not (
        finding.windows and "tests/test.bat" in task.files
    ):
        yield "tests/test.sh: missing. It must write /logs/verifier/reward.txt."
    yield from services.problems(task, finding, sandboxed=sandboxed)
    context = task.below("environment")
    if sandboxed and (dockerfile := context.get("Dockerfile")):
        yield from parse_dockerfile(dockerfile.read(), "environment/Dockerfile", context)[1]


def _finding(task: Conformed) -> Finding:
    """What task.toml says, and nothing where it cannot be read."""
    file = task.files.get("task.toml")
    try:
        return check_task_toml(parse_toml(file.read()) if file else {})
    except ValueError:
        return check_task_toml({})


def _notes(task: Conformed) -> Iterator[str]:
    finding = _finding(task)
    if "task.toml" in task.files:
        yield from (f"task.toml: {note}" for note in finding.notes)
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
    if "tests/Dockerfile" in task.files and not finding.separate_verifier:
        yield "tests/Dockerfile: not read; the verifier runs in the task's environment."
    yield from services.notes(task, finding)
    tests = {f"tests/{name}": file.read() for name, file in task.below("tests").items()}
    yield from verifier.notes(tests)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
