"""Whether a task directory can be used, found out before a night depends on it.

A task is untrusted input and is only read here: nothing of it is executed or imported.
"""

import posixpath
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autoagent.errors import TaskError, WorkspaceError
from autoagent.records import Record
from autoagent.workspace.tasks import variables, verifier
from autoagent.workspace.tasks.article import conform
from autoagent.workspace.tasks.building import services
from autoagent.workspace.tasks.building.build_context import missing_sources
from autoagent.workspace.tasks.building.compose import COMPOSE_FILE
from autoagent.workspace.tasks.building.dockerfile import image_recipe, lint, work_directory
from autoagent.workspace.tasks.building.oci import ImageFacts
from autoagent.workspace.tasks.building.recipe import BASE_WORKDIR, Recipe, works_in_system
from autoagent.workspace.tasks.building.services import Composed
from autoagent.workspace.tasks.building.shelf import Shelf
from autoagent.workspace.tasks.problem import NEEDS_DOCKER, Given, Problem
from autoagent.workspace.tasks.skeleton import UNWRITTEN, is_skeleton
from autoagent.workspace.tasks.task_files import TaskFiles, read_task, task_digest, write_task
from autoagent.workspace.tasks.task_toml import TaskToml, read_task_toml
from autoagent.workspace.tasks.variables import Host

TASK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@~-]{0,79}")


class Frozen(Record):
    """A task as a snapshot has it.

    `digest` names its content as it runs, in Harbor's form; `notes` are worth knowing.
    `composed`: containers of ours cannot run it, Harbor's can. `variables` of the host it names.
    `images` are those that the sandbox makes it from, by name.
    """

    name: str
    digest: str
    has_solution: bool
    notes: tuple[str, ...] = ()
    composed: Composed = ""
    variables: tuple[str, ...] = ()
    images: Mapping[str, ImageFacts] = {}


class TaskReport(Frozen):
    """What is to be said about one task; `problems` keep it from being used.

    Each line begins with the file it is about. `digest` is "" where it could not be read.
    """

    problems: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether the task can be run."""
        return not self.problems


LFS_POINTER = b"version https://git-lfs.github.com/spec/v"


def inspect_task(
    directory: Path, given: Given = frozenset(), host: Host | None = None
) -> TaskReport:
    """Check a task directory, in the article's form or in Harbor's, for where that much is given.

    Every problem is found at once, not just the first.

    Args:
        directory: The task's.
        given: What tasks can have in the environment that they are to run in.
        host: What its variables are filled in from; None asks nothing about them.
    """
    try:
        task, changes = _conformed(directory)
        return _report(directory, task, changes, given, host)
    except (OSError, WorkspaceError) as error:
        return _unreadable(directory, error)


def freeze_task(source: Path, target: Path, given: Given, host: Host | None) -> TaskReport:
    """Copy a task into `target` in Harbor's form, and check the copy: what is checked is what runs.

    Nothing is left there of a task that has problems.
    """
    try:
        task, changes = _conformed(source)
        report = _report(source, task, changes, given, host)
        if report.usable:
            write_task(task, target)
            report = _report(source, read_task(target), changes, given, host)
    except (OSError, WorkspaceError) as error:
        report = _unreadable(source, error)
    if not report.usable:
        shutil.rmtree(target, ignore_errors=True)
    return report


def _conformed(directory: Path) -> tuple[TaskFiles, list[str]]:
    """A task in Harbor's form, and a line for each change that this took."""
    if not TASK_NAME.fullmatch(directory.name):
        raise TaskError("name the directory with 1 to 80 of A-Z a-z 0-9 . _ - + @ ~.")
    if directory.is_symlink():
        raise TaskError("is a symbolic link. Put the task's directory there.")
    task = read_task(directory)
    return task, [] if task.problems else conform(task)


def _unreadable(directory: Path, error: Exception) -> TaskReport:
    said = str(error) if isinstance(error, TaskError) else f"cannot be read ({error})."
    line = f"{directory.parent.name}/{directory.name}: {said}"
    return TaskReport(name=directory.name, problems=(line,), digest="", has_solution=False)


def _report(
    directory: Path, task: TaskFiles, changes: Sequence[str], given: Given, host: Host | None
) -> TaskReport:
    """What is to be said about a task in Harbor's form, by the name of a directory."""
    file = task.files.get("task.toml")
    toml = read_task_toml(file.read()) if file else TaskToml()
    problems, notes = task.problems, [*changes]
    composed, asked = services.composed(task, toml), [*toml.variables, *services.variables(task)]
    images: dict[str, ImageFacts] = {}
    if not problems:
        shelf = Shelf() if host is None or "containers" in given else host.shelf
        found = [*_problems(task, toml), *_builds(task, toml, shelf, images)]
        if host is not None:
            beside = bool(composed) or variables.is_in_place(host, directory.name)
            in_place = beside and not toml.separate_verifier
            found += variables.problems(asked, host, in_place=in_place)
        problems = [*dict.fromkeys(p.sentence for p in found if p.needs not in given)]
        notes += _notes(task, toml)
    where = f"{directory.parent.name}/{directory.name}"
    return TaskReport(
        name=directory.name,
        problems=tuple(f"{where}/{line}" for line in problems),
        notes=tuple(f"{where}/{line}" for line in notes),
        digest=task_digest(task.files),
        has_solution=_has_solution(task, toml),
        composed=composed,
        variables=tuple(dict.fromkeys(each.variable for each in asked)),
        images=images,
    )


def _problems(task: TaskFiles, toml: TaskToml) -> Iterator[Problem]:
    """What keeps a task from running somewhere, each beginning with the file."""
    if "task.toml" not in task.files:
        yield Problem("task.toml: missing. Write at least `[agent]` and `timeout_sec = 600`.")
    for problem in toml.problems:
        yield problem._replace(sentence=f"task.toml: {problem.sentence}")
    for place in _parts(toml):
        yield from _part_problems(task, toml, place)
    for place in _parts(toml)[:1]:
        if f"{place}trajectory.json" in task.files:
            yield Problem(
                f"{place}trajectory.json: no harness is given what happened before its task; take "
                "the file out."
            )
    if is_skeleton(task):
        yield Problem(UNWRITTEN)
    pointers = [name for name, file in task.files.items() if file.read().startswith(LFS_POINTER)]
    if pointers:
        others = f" and {len(pointers) - 1} more are pointers" if pointers[1:] else " is a pointer"
        told = "of Git LFS, not the file itself. Run `git lfs install && git lfs pull` here."
        yield Problem(f"{pointers[0]}:{others} {told}")
    yield from services.problems(task, toml)


def _parts(toml: TaskToml) -> list[str]:
    """Where a task has an instruction, tests and a solution: in each step, or in itself."""
    return [f"steps/{name}/" for name in toml.steps] or [""]


def _part_problems(task: TaskFiles, toml: TaskToml, place: str) -> Iterator[Problem]:
    """What keeps a task, or a step of it, from being asked and graded."""
    name = f"{place}instruction.md"
    instruction = task.files.get(name)
    if instruction is None:
        if place or "steps" not in task.directories or not toml.problems:
            yield Problem(f"{name}: missing. Write what the harness is asked to do.")
    elif not _is_text(instruction.read()):
        yield Problem(f"{name}: is not UTF-8 text. Save the file as UTF-8.")
    elif not instruction.read().strip():
        yield Problem(f"{name}: is empty. Write what the harness is asked to do.")
    tests = [f"{place}tests/test.sh", "tests/test.sh"]
    if not any(test in task.files for test in tests) and not (
        toml.windows and "tests/test.bat" in task.files
    ):
        yield Problem(f"{tests[0]}: missing. It must write /logs/verifier/reward.txt.")
    if place:
        for name in (f"{place}tests/{file}" for file in ("Dockerfile", COMPOSE_FILE)):
            if name in task.files:
                yield Problem(
                    f"{name}: a step has no verifier's image of its own here; put it into tests/, "
                    "for all steps."
                )


def _has_solution(task: TaskFiles, toml: TaskToml) -> bool:
    """Whether the oracle finds what it runs: the step's own, where there is one, or the task's."""
    own = [f"{place}solution" for place in _parts(toml)]
    places = (place if place in task.directories else "solution" for place in own)
    return all(f"{place}/solve.sh" in task.files for place in places)


def _builds(
    task: TaskFiles, toml: TaskToml, shelf: Shelf, images: dict[str, ImageFacts]
) -> Iterator[Problem]:
    """What keeps a task's images from being made; what they start from is added to `images`."""
    yield from _build(task, toml, shelf, images, "environment", toml.image)
    if toml.separate_verifier and (toml.verifier_image or "tests/Dockerfile" in task.files):
        yield from _build(task, toml, shelf, images, "tests", toml.verifier_image)


def _build(
    task: TaskFiles,
    toml: TaskToml,
    shelf: Shelf,
    images: dict[str, ImageFacts],
    directory: str,
    named: str,
) -> Iterator[Problem]:
    context, recipe = task.below(directory), Recipe()
    dockerfile, found, wrong = context.get("Dockerfile"), list[str](), list[str]()
    if named:
        recipe, found = image_recipe(named, shelf)
        key = "environment" if directory == "environment" else "verifier.environment"
        found = [f"task.toml: {key}.docker_image: {line}" for line in found]
    elif dockerfile:
        told = dockerfile.read(), f"{directory}/Dockerfile"
        recipe, found, wrong = lint(*told, context, shelf)
        if not services.composed(task, toml):  # whose file says what is beside it
            wrong += missing_sources(*told, [*context, *task.inside(directory)])
    images.update(recipe.images)
    work = posixpath.normpath(posixpath.join(recipe.workdir, toml.workdir))
    if recipe.base and works_in_system(work) and directory == "environment":
        found.append(
            f"task.toml: the work directory {work} {NEEDS_DOCKER}: in the sandbox the verifier "
            "finds an image's system as it was, and nothing of the harness's in it."
        )
    for line in dict.fromkeys([*found, *wrong]):
        yield Problem(line, None if line in wrong else "containers")


def _notes(task: TaskFiles, toml: TaskToml) -> Iterator[str]:
    yield from (f"task.toml: {note}" for note in toml.notes)
    places = ["", *_parts(toml)] if toml.steps else [""]
    names = ("tests/test.sh", "solution/solve.sh", "workdir/setup.sh")
    for script in (f"{place}{name}" for place in places for name in names):
        if script in task.files and b"\r\n" in task.files[script].read():
            yield (
                f"{script}: has Windows line endings, on which bash fails. Save it with LF; "
                "`*.sh text eol=lf` in .gitattributes keeps it so."
            )
    tests = {
        f"{place}tests/{name}": file.read()
        for place in places
        for name, file in task.below(f"{place}tests").items()
    }
    if any(task.below(f"{place}solution") for place in places) and not _has_solution(task, toml):
        yield "solution/: has no solve.sh, so the oracle cannot prove the task solvable."
    if tests and not any(b"reward" in data for data in tests.values()):
        yield "tests/: nothing mentions a reward; Harbor wants /logs/verifier/reward.txt."
    if "environment/.dockerignore" in task.files:
        yield "environment/.dockerignore: the sandbox copies without reading it."
    if "tests/Dockerfile" in task.files and not toml.separate_verifier:
        yield "tests/Dockerfile: not read; the verifier runs in the task's environment."
    yield from services.notes(task, toml)
    dockerfile = task.files.get("environment/Dockerfile")
    image = work_directory(dockerfile.read()) if dockerfile else BASE_WORKDIR
    yield from verifier.notes(tests, posixpath.normpath(posixpath.join(image, toml.workdir)))


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
