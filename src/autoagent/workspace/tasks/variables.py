"""Variables of the host that tasks name, as `FOO = "${FOO}"`: which, who gets them, who may.

Harbor fills them in from its own process's environment. Here each is looked for in the server's
environment, in the workspace's `.env`, and below `[variables]` of autoagent.toml, in this order;
only what a task names goes to a worker. What autoagent.toml says anybody may read. Anything else
is a secret: a climb keeps a fingerprint of it, to notice when it changes, and never the value.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from autoagent.config import FILE_NAME
from autoagent.errors import InfrastructureFault
from autoagent.files import env_file_values
from autoagent.records import Record
from autoagent.workspace.tasks.building.shelf import Shelf
from autoagent.workspace.tasks.problem import Problem

ENV_FILE = ".env"
_TEMPLATE = re.compile(r"\$\{([^}:]+)(?::-(.*))?\}")
"""Harbor's own: a whole value, with a default or without one."""
_IN_COMPOSE = re.compile(r"\$\$|\$\{?([A-Za-z_][A-Za-z0-9_]*)")

Who = Literal["candidate", "verifier", "oracle"]


class Asked(NamedTuple):
    """A variable of the host's that a task names.

    `key` says where, `who` finds the value; None as the default is none.
    """

    key: str
    variable: str
    default: str | None
    who: Who


class Host(Record):
    """What there is to fill in, and what may not be.

    `keys` are the gateway's and the provider's, which no candidate may see; `in_place` are
    patterns of tasks whose verifiers run beside what the candidate left running. `shelf` has the
    images that tasks start from.
    """

    environment: Mapping[str, str] = {}
    env_file: Mapping[str, str] = {}
    public: Mapping[str, str] = {}
    keys: frozenset[str] = frozenset()
    in_place: tuple[str, ...] = ()
    shelf: Shelf = Shelf()

    def value(self, name: str) -> str | None:
        """What a name stands for."""
        places = (self.environment, self.env_file, self.public)
        return next((place[name] for place in places if name in place), None)

    def is_secret(self, name: str) -> bool:
        """Whether its value is for nobody's eyes."""
        return name in self.environment or name in self.env_file

    def source(self, name: str) -> str:
        """Where it was found, for a human."""
        if name in self.environment:
            return "environment"
        if name in self.env_file:
            return ENV_FILE
        return FILE_NAME if name in self.public else "missing"


class Named(Record):
    """The host's variables that an evaluation's tasks name; no secret value is in it.

    `prints` has a fingerprint for each, "" where there was none and the task has a default.
    """

    prints: Mapping[str, str] = {}
    public: Mapping[str, str] = {}
    env_file: Path | None = None

    def values(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What a worker finds in its environment.

        Raises:
            InfrastructureFault: One is not what it was when the tasks were frozen.
        """
        host = self._host(environment)
        if changed := [name for name in self.prints if self.prints[name] != _print(host, name)]:
            raise InfrastructureFault(
                f"{', '.join(changed)}: not what it was when the tasks were frozen, which name it. "
                "Set it to what it was, or finish this climb and start another.",
                "run_benchmark() again",
            )
        found = {name: host.value(name) for name in self.prints}
        return {name: value for name, value in found.items() if value is not None}

    def secrets(self, values: Mapping[str, str]) -> list[str]:
        """Those of the values that nobody may see."""
        return [value for name, value in values.items() if self.public.get(name) != value]

    def _host(self, environment: Mapping[str, str]) -> Host:
        named = {name: environment[name] for name in self.prints if name in environment}
        kept = env_file_values(self.env_file) if {*self.prints} - {*named} else {}
        return Host(environment=named, env_file=kept, public=self.public)


def template(value: str) -> tuple[str, str | None] | None:
    """The variable and the default that a value is, or None for a plain one."""
    found = _TEMPLATE.fullmatch(value)
    return (found[1], found[2]) if found else None


def asked_in(tables: Iterable[tuple[str, Mapping[str, str], Who]]) -> Iterator[Asked]:
    """What tables of variables name, each with its key and who gets it."""
    for key, table, who in tables:
        for name, value in table.items():
            if (found := template(value)) is not None:
                yield Asked(f"task.toml: {key}.{name}", *found, who)


def asked_in_compose(name: str, data: bytes) -> list[Asked]:
    """What a compose file names; one that is not set is empty there."""
    found = _IN_COMPOSE.findall(data.decode("utf-8", "replace"))
    return [Asked(name, one, "", "candidate") for one in dict.fromkeys(found) if one]


def is_in_place(host: Host, task: str) -> bool:
    """Whether a task is verified beside what the candidate left running."""
    return any(fnmatchcase(task, pattern) for pattern in host.in_place)


def problems(asked: Sequence[Asked], host: Host, *, in_place: bool) -> Iterator[Problem]:
    """What keeps a task from getting what it names. Only the oracle misses `solution.env`."""
    for key, name, default, who in asked:
        there = host.value(name) is not None
        if there and name in host.keys and who == "candidate":
            yield Problem(
                f"{key}: {name} is a key of the gateway's or the provider's, which no candidate "
                "may see. Name another variable."
            )
        elif not there and default is None and who != "oracle":
            yield Problem(
                f"{key}: Environment variable '{name}' not found in host environment. Set it there "
                f"or in {ENV_FILE}, or, if it is no secret, below [variables] in {FILE_NAME}."
            )
        elif in_place and who == "verifier" and host.is_secret(name):
            yield Problem(
                f"{key}: {name} would be seen by what the candidate left running, beside which "
                'this task is verified. Write `environment_mode = "separate"` below [verifier], '
                f"or, if it is no secret, the value below [variables] in {FILE_NAME}."
            )


def prints(host: Host, names: Iterable[str]) -> dict[str, str]:
    """A fingerprint for each name."""
    return {name: _print(host, name) for name in sorted({*names})}


def _print(host: Host, name: str) -> str:
    value = host.value(name)
    told = f"{name}\0{value}".encode("utf-8", "surrogateescape")
    return "" if value is None else hashlib.sha256(told).hexdigest()[:16]
