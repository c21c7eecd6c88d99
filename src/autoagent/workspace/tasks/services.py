"""What a task starts beside its own container: the compose files that Harbor would read."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from autoagent.workspace.tasks.compose import (
    COMPOSE_FILE,
    IGNORED_NAMES,
    host_access,
    read_compose,
)
from autoagent.workspace.tasks.problem import NEEDS_DOCKER, Problem
from autoagent.workspace.tasks.task_files import TaskFiles
from autoagent.workspace.tasks.task_toml import TaskToml

Composed = Literal["", "compose", "windows"]
"""Why a task runs in Harbor's own docker environment, where tasks run in containers."""


def composed(task: TaskFiles, toml: TaskToml) -> Composed:
    """Whether our own containers cannot run a task and Harbor's can."""
    if toml.windows:
        return "windows"
    return "compose" if _read(task, toml) else ""


def problems(task: TaskFiles, toml: TaskToml) -> Iterator[Problem]:
    """What keeps a task's services from being started."""
    for name in _read(task, toml):
        yield Problem(f"{name}: what starts services {NEEDS_DOCKER}.", "containers")
        try:
            read_compose(task.files[name].read())
        except ValueError as error:
            yield Problem(f"{name}: {error}.")
    file = task.files.get(name := f"environment/{COMPOSE_FILE}")
    known: Mapping[str, Mapping[str, Any]] = {}
    try:
        if file is not None:
            known = read_compose(file.read()).services
    except ValueError:  # told already
        return
    for key, service in toml.services:
        if service not in known:
            yield Problem(f"task.toml: {key}: {service[:60]!r} is no service of {name}.")
    builds = toml.has_image or "environment/Dockerfile" in task.files
    if composed(task, toml) and not builds and "build" not in known.get("main", ()):
        yield Problem("environment/Dockerfile: missing; Harbor builds its service `main` from it.")


def notes(task: TaskFiles, toml: TaskToml) -> Iterator[str]:
    """Compose files that nobody reads, and what those that are read give away of the host."""
    for name in (f"environment/{name}" for name in IGNORED_NAMES):
        if name in task.files:
            yield f"{name}: a plain file; Harbor starts the services of {COMPOSE_FILE} alone."
    if f"tests/{COMPOSE_FILE}" in task.files and not toml.separate_verifier:
        yield f"tests/{COMPOSE_FILE}: not read; the verifier runs in the task's environment."
    for name in _read(task, toml):
        try:
            compose = read_compose(task.files[name].read())
        except ValueError:  # a problem
            continue
        for line in host_access(compose):
            yield f"{name}: {line}. There the candidate is beyond every sandbox."


def _read(task: TaskFiles, toml: TaskToml) -> list[str]:
    """The compose files that Harbor would read."""
    places = ("environment", "tests") if toml.separate_verifier else ("environment",)
    return [name for place in places if (name := f"{place}/{COMPOSE_FILE}") in task.files]
