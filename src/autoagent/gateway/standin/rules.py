"""The rules file of a stand-in model: what it understands, what it calls, what it says.

Rules are data. Patterns are regular expressions, without regard to case, over one part of
a conversation; a rule that names a fact nobody found does not apply. So a better prompt or
another tool changes what the stand-in does, as it would with a model.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli
from pydantic import AfterValidator, Field, ValidationError

from autoagent.config import Section, wanted
from autoagent.errors import ConfigError

Source = Literal["prompt", "instruction", "message", "results", "told", "model"]
"""Parts of a conversation: the system prompt, all user text, the lines of it that `words`
picks, what tools returned, instruction and results in one, and the model asked for."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
Condition = dict[Source, Pattern]
"""Patterns that parts of the conversation must hold, every one of them."""


class Fact(Section):
    """`[[fact]]`: something it can read in a conversation and use as `{name}`."""

    name: str = Field(pattern=r"^[a-z_]\w*$")
    source: Source = Field(alias="in")
    """The part of a conversation that the fact is read in."""
    pattern: Pattern
    """Its first group is the fact, or the whole match where there is none; the last match
    counts."""


class Rule(Section):
    """What calls and sentences have in common: when they apply."""

    when: Condition = {}
    """Holds in every part it names."""
    unless: Condition = {}
    """Holds in no part it names."""
    unknown: tuple[str, ...] = Field((), strict=False)
    """Facts that must not have been found."""


class Argument(Section):
    """`[[argument]]`: how it fills a tool's parameter that no rule names."""

    name: Pattern
    """A pattern of parameter names, as a whole."""
    value: str


class CallRule(Rule):
    """`[[call]]`: a tool it uses, once for the same arguments, where one is offered."""

    tool: Pattern
    """A pattern of tool names, as a whole; the first tool on offer is used."""
    arguments: dict[Pattern, str] = {}
    """Values by patterns of parameter names, tried before any `[[argument]]`."""


class Say(Rule):
    """`[[say]]`: a sentence of its answer, when no call is left to make."""

    text: str
    alone: bool = False
    """Whether this is the whole answer, with nothing before or after it."""


class Rules(Section):
    """All of a rules file. Order matters: calls and sentences are tried as they stand."""

    words: Pattern | None = None
    """Picks `message` out of the instruction, line by line: `^> ?(.*)$` for what is quoted."""
    fact: tuple[Fact, ...] = Field((), strict=False)
    argument: tuple[Argument, ...] = Field((), strict=False)
    call: tuple[CallRule, ...] = Field((), strict=False)
    say: tuple[Say, ...] = Field((), strict=False)
    otherwise: str = "I am a stand-in for a model, and no rule of mine says anything here."
    """The answer when no sentence applies."""


def load_rules(path: Path) -> Rules:
    """Read a rules file.

    Raises:
        ConfigError: One message with the file, the place in it and what is wrong.
    """
    try:
        return Rules.model_validate(tomli.loads(path.read_bytes().decode()))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}. Write the stand-in's rules there, or let "
            "`autoagent init --template chat DIRECTORY` write some (docs/stand-in.md)."
        ) from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    except ValidationError as error:
        problem: Any = error.errors(include_url=False)[0]
        place = ".".join(
            str(part + 1 if isinstance(part, int) else part) for part in problem["loc"]
        )
        if problem["type"] == "extra_forbidden":
            said = "is not known; see docs/stand-in.md. At the top there are "
            said += ", ".join(Rules.model_fields)
        else:
            said = f"is {problem['input']!r}; {wanted(problem)}"
        raise ConfigError(f"{path}: `{place}` {said}.") from error
