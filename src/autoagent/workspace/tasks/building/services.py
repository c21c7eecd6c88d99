"""What a task starts beside its own container: the compose files that Harbor would read."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from autoagent.workspace.tasks.building.compose import (
    COMPOSE_FILE,
    IGNORED_NAMES,
    Compose,
    compose_or_problem,
    host_access,
)
from autoagent.workspace.tasks.problem import NEEDS_DOCKER, Problem
from autoagent.workspace.tasks.task_files import TaskFiles
from autoagent.workspace.tasks.task_toml import TaskToml
from autoagent.workspace.tasks.variables import Asked, asked_in_compose

Composed = Literal["", "compose", "windows"]
"""Why a task runs in Harbor's own docker environment, where tasks run in containers."""


def composed(task: TaskFiles, toml: TaskToml) -> Composed:
    """Whether our own containers cannot run a task and Harbor's can."""
    if toml.windows:
        return "windows"
    return "compose" if _read(task, toml) else ""


def variables(task: TaskFiles) -> list[Asked]:
    """Variables of the host's that the compose file of its environment names."""
    name = f"environment/{COMPOSE_FILE}"
    return asked_in_compose(name, task.files[name].read()) if name in task.files else []


def problems(task: TaskFiles, toml: TaskToml) -> Iterator[Problem]:
    """What keeps a task's services from being started."""
    read = _read(task, toml)
    for name, found in read.items():
        yield Problem(f"{name}: what starts services {NEEDS_DOCKER}.", "containers")
        if isinstance(found, str):
            yield Problem(f"{name}: {found}.")
    own = read.get(name := f"environment/{COMPOSE_FILE}")
    if isinstance(own, str):
        return
    known: Mapping[str, Mapping[str, Any]] = own.services if own else {}
    for key, service in toml.services:
        if service not in known:
            yield Problem(f"task.toml: {key}: {service[:60]!r} is no service of {name}.")
    builds = bool(toml.image) or "environment/Dockerfile" in task.files
    if composed(task, toml) and not builds and "build" not in known.get("main", ()):
        yield Problem("environment/Dockerfile: missing; Harbor builds its service `main` from it.")


def notes(task: TaskFiles, toml: TaskToml) -> Iterator[str]:
    """Compose files that nobody reads, and what those that are read give away of the host."""
    for name in (f"environment/{name}" for name in IGNORED_NAMES):
        if name in task.files:
            yield f"{name}: a plain file; Harbor starts the services of {COMPOSE_FILE} alone."
    if f"tests/{COMPOSE_FILE}" in task.files and not toml.separate_verifier:
        yield f"tests/{COMPOSE_FILE}: not read; the verifier runs in the task's environment."
    for name, found in _read(task, toml).items():
        for line in host_access(found) if isinstance(found, Compose) else ():
            yield f"{name}: {line}. There the candidate is beyond every sandbox."


def _read(task: TaskFiles, toml: TaskToml) -> dict[str, Compose | str]:
    """The compose files that Harbor would read, by path; what is wrong with one in its place."""
    places = ("environment", "tests") if toml.separate_verifier else ("environment",)
    names = [f"{place}/{COMPOSE_FILE}" for place in places]
    return {
        name: compose_or_problem(task.files[name].read()) for name in names if name in task.files
    }
