"""answers.toml, beside a task's task.toml: agents in miniature that its verifier has to tell apart.

    start = '''            # shell, before each answer: the look-ups that they share
    /app/desk order o-1
    '''

    [[right]]              # has to pass
    name = "in other words"
    run = "/app/desk reply --paid-back '9.99 EUR' --text 'It is on its way.'"

    [[wrong]]              # must not pass
    name = "promised, not done"
    start = ""             # instead of the shared one
    files = { "/app/answer.txt" = "I have paid it back." }

An answer is what an agent leaves behind: first `start`, then its `files`, then `run`, in bash, as
the task's solution would be run. A command that fails does not end it. Nothing here knows who plays
it; neither Harbor nor a trial of a candidate reads the file, and no container has it.
"""

import shlex
from pathlib import Path
from pathlib import PurePosixPath as InContainer
from typing import Any

import tomli
from pydantic import Field, ValidationError, model_validator

from autoagent.config import Section
from autoagent.errors import TaskError

NAME = "answers.toml"


class Answer(Section):
    """`[[right]]` or `[[wrong]]`: one agent, by what it does."""

    name: str = Field(min_length=1, max_length=80)
    """What is particular about it, in a few words; no two answers of a task have one name."""
    start: str | None = None
    """Shell in the place of the file's `start`; empty for none."""
    files: dict[str, str] = {}
    """Text by absolute paths in the task's environment, written before `run`."""
    run: str = ""
    """Shell: what it does."""

    @model_validator(mode="after")
    def _does_something(self) -> "Answer":
        if not self.run.strip() and not self.files:
            raise ValueError("it does nothing: give it `run` or `files`")
        for path in self.files:
            if not InContainer(path).is_absolute() or path.endswith("/"):
                raise ValueError(f"{path!r} is not the absolute path of a file, such as /app/x")
        return self


class Answers(Section):
    """All of a task's answers.toml."""

    start: str = ""
    """Shell that runs before each answer."""
    right: tuple[Answer, ...] = Field((), strict=False)
    wrong: tuple[Answer, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _named_apart(self) -> "Answers":
        names = [answer.name for answer in (*self.right, *self.wrong)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two answers are called {twice[0]!r}")
        return self

    def script(self, answer: Answer) -> str:
        """What is to be run for an answer of these, a script for bash."""
        lines = ["#!/bin/bash", self.start if answer.start is None else answer.start]
        for path, text in answer.files.items():
            place = shlex.quote(path)
            directory = shlex.quote(str(InContainer(path).parent))
            lines += [f"mkdir -p {directory}", f"printf %s {shlex.quote(text)} > {place}"]
        return "\n".join(line.strip("\n") for line in (*lines, answer.run) if line.strip()) + "\n"


def read_answers(task: Path) -> Answers | None:
    """The answers of a task's directory; None where it has no answers.toml.

    Raises:
        TaskError: The file cannot be read or says something that it cannot mean; the message has
            the place.
    """
    path = task / NAME
    told = f"tasks/{task.name}/{NAME}"
    fix = "docs/good-tasks.md shows the form"
    try:
        return Answers.model_validate(tomli.loads(path.read_bytes().decode()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TaskError(f"{told} cannot be read: {error.strerror}.") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"{told} is not valid TOML: {error}; {fix}.") from error
    except ValidationError as error:
        problem: Any = error.errors(include_url=False)[0]
        said = problem["msg"].removeprefix("Value error, ")
        parts = [part + 1 if isinstance(part, int) else part for part in problem["loc"]]
        place = ": ".join([told, *([" ".join(map(str, parts))] if parts else [])])
        raise TaskError(f"{place}: {said}; {fix}.") from error
