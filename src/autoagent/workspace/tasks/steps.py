"""The steps of a task, as its task.toml names them; a task without any has its own files alone.

`steps/NAME/` has what a step has of its own: instruction.md, tests/, solution/ and workdir/, which
is put into the environment before it begins. These are read of tasks that were looked at before.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tomli

STEPS = "steps"


class Step(NamedTuple):
    """A step: its name, and the time that its task gives the harness for it."""

    name: str
    agent_seconds: float | None = None


def steps_of(task: Path) -> tuple[Step, ...]:
    """A task's steps in their order; none where it has no steps."""
    if not (task / STEPS).is_dir():
        return ()
    config = _config(task)
    return tuple(
        Step(step["name"], _seconds(step) or _seconds(config)) for step in config.get(STEPS, ())
    )


def agent_seconds(task: Path) -> float | None:
    """The time that a task gives the harness, where it has no steps."""
    return _seconds(_config(task))


def parts_of(task: Path) -> Iterator[Path]:
    """The directories that may hold an instruction, tests and a solution: the task's own first."""
    yield task
    for step in steps_of(task):
        yield task / STEPS / step.name


def instructions_of(task: Path) -> dict[str, Path]:
    """The files that say what is to be done, by path below the task's directory, in their order."""
    found = [task / STEPS / step.name for step in steps_of(task)] or [task]
    paths = (place / "instruction.md" for place in found)
    return {path.relative_to(task).as_posix(): path for path in paths}


def instruction_of(task: Path) -> str:
    """What a task asks for, of all its steps."""
    paths = instructions_of(task).values()
    return "\n\n".join(path.read_text("utf-8", "replace") for path in paths)


def _config(task: Path) -> Mapping[str, Any]:
    return tomli.loads((task / "task.toml").read_text("utf-8"))


def _seconds(table: Mapping[str, Any]) -> float | None:
    told = table.get("agent", {}).get("timeout_sec")
    return None if told is None else float(told)
