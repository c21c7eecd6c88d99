"""task.toml, read by Harbor's own model: what Harbor refuses is a problem, told with its fix.

Harbor drops an invalid task in silence, ignores unknown keys and accepts a timeout of 0. Here
an unknown key is a note, with the likely spelling, and the others are problems. What the sandbox
cannot give is a problem too, by name. Which keys there are is not known here.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import tomli
from pydantic import BaseModel, ValidationError

from autoagent.workspace.tasks.problem import NEEDS_DOCKER, Problem
from autoagent.workspace.tasks.variables import Asked, Who, asked_in

if TYPE_CHECKING:
    from harbor.models.task.config import EnvironmentConfig, StepConfig, TaskConfig

_STEPS_IN_SANDBOX = (
    'steps: a task of several steps needs environment = "sandbox": elsewhere what a step left '
    "running would see its verifier, and the next step's."
)
_MOST_STEPS = 100
_NO_DEVICES = "no environment here has {}; remove the key if none is needed."
ROOT = ("root", "0", 0)
"""The user of the sandbox, as task.toml may name it."""
_MOST_ARTIFACTS = 200
"""Harbor compares each with each: two thousand of them would hold the server for seconds."""


def subtable(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A table of task.toml's content, or an empty one."""
    for key in keys:
        value = content.get(key)
        content = value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    return content


class TaskToml(NamedTuple):
    """What is to be said about task.toml: problems bar the task, notes do not.

    `image` and `verifier_image` are those that it names in the place of a Dockerfile; `services`
    those beside `main`, with the key; `workdir` is where commands start, "" where the image says
    so; `variables` are the host's. `steps` are the names of its steps, if it has any.
    """

    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()
    separate_verifier: bool = False
    windows: bool = False
    image: str = ""
    verifier_image: str = ""
    services: Sequence[tuple[str, str]] = ()
    workdir: str = ""
    variables: Sequence[Asked] = ()
    steps: Sequence[str] = ()


def read_task_toml(data: bytes) -> TaskToml:
    """What is to be said about a file, which may be anything."""
    try:
        return check_task_toml(parse_toml(data))
    except ValueError as error:
        return TaskToml([Problem(f"{error}.")])


def check_task_toml(content: dict[str, Any]) -> TaskToml:
    """Everything about task.toml that keeps a task from running, or surprises."""
    told: list[str] = []
    given = _for_harbor(content)
    steps = _tables(given, "steps")
    if len(steps) > _MOST_STEPS:
        told.append(f"steps: are {len(steps)}, of at most {_MOST_STEPS}.")
        del given["steps"]
    if (count := sum(len(_artifacts(one)) for one in (given, *steps))) > _MOST_ARTIFACTS:
        told.append(f"artifacts: are {count}, of at most {_MOST_ARTIFACTS}.")
        for one in (given, *steps):
            one.pop("artifacts", None)
    config = _accepted(given, told)
    refused = [Problem(line) for line in dict.fromkeys(told)]
    if config is None:
        return TaskToml(refused)
    of_verifier = config.verifier.environment
    return TaskToml(
        [*refused, *_problems(config)],
        [*_unknown(config, ""), *_notes(config, content)],
        any(_is_separate(one, content) for one in steps or [content]),
        "windows" in (config.environment.os, of_verifier and of_verifier.os),
        config.environment.docker_image or "",
        (of_verifier and of_verifier.docker_image) or "",
        [*_services(config)],
        config.environment.workdir or "",
        [*asked_in(_variables(config))],
        [step.name for step in config.steps or ()],
    )


def parse_toml(data: bytes) -> dict[str, Any]:
    """task.toml's content.

    Raises:
        ValueError: It is not UTF-8 or not TOML; the text says where.
    """
    try:
        return tomli.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _for_harbor(content: dict[str, Any]) -> dict[str, Any]:
    """What Harbor's model is given: copies, since it takes deprecated keys out of their tables.

    An artifact is a table, as Harbor makes it, so that its problem has a place.
    """
    given = {key: subtable(content, key).copy() or value for key, value in content.items()}
    if environment := subtable(content, "verifier", "environment"):
        given["verifier"]["environment"] = environment.copy()
    if listed := _artifacts(content):
        given["artifacts"] = [{"source": one} if isinstance(one, str) else one for one in listed]
    if isinstance(steps := content.get("steps"), list):
        given["steps"] = [_for_harbor(one) if isinstance(one, dict) else one for one in steps]  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    return given


def _tables(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables of a list."""
    value = content.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def _artifacts(content: dict[str, Any]) -> list[Any]:
    value = content.get("artifacts")
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def _accepted(given: dict[str, Any], told: list[str]) -> "TaskConfig | None":
    """What Harbor makes of a file less what it refuses, which is told; keys it ignores are kept."""
    left_out: set[tuple[int | str, ...]] = set()
    while True:
        try:
            with warnings.catch_warnings(action="ignore"):  # deprecated keys are notes here
                return _model().model_validate(given, extra="allow")
        except ValidationError as error:
            problems = error.errors(include_url=False)
        except OverflowError as error:  # a size such as "infG", for which Harbor is not prepared
            told.append(f"environment: Harbor cannot read a size ({error}).")
            given.clear()
            continue
        # An artifact's text form is tried first, and all of them are tables.
        told += [
            _told(problem, given)
            for problem in problems
            if problem["loc"][-3::2] != ("artifacts", "str") and problem["loc"][:2] not in left_out
        ]
        if not given:  # a later Harbor wants something of every task
            return None
        places = {problem["loc"][:2] for problem in problems}
        _leave_out(given, places)
        left_out |= places


@cache
def _model() -> "type[TaskConfig]":
    """Harbor's own; imported when a task is read, so that the server starts without Harbor.

    Importing it, Harbor asks where its cache is, and a user without a home has none to tell.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/"
        try:
            return _model()
        finally:
            del os.environ["HOME"]
    from harbor.models.task.config import TaskConfig

    return TaskConfig


def _leave_out(given: dict[str, Any], places: set[tuple[int | str, ...]]) -> None:
    """Take out what Harbor refused, so that what else is wrong is told at the same time."""
    known = set(given)
    for place in places:
        match place:
            case [str(key), str(inner)] if inner in subtable(given, key):
                del given[key][inner]
            case [str(key), *_] if key in known:
                given.pop(key, None)
            case _:
                given.clear()


def _told(problem: Any, given: dict[str, Any]) -> str:
    """What Harbor refuses, in its words, and where."""
    kind, value, key = problem["type"], problem["input"], _key(problem, given)
    if kind == "missing":
        return f"{key}: missing; Harbor needs it."
    said = " ".join(str(problem["msg"]).removeprefix("Value error, ").split()).rstrip(".")
    said = "must be a table" if kind in ("dict_type", "model_type") else said
    shown = f"is {value!r}, but: " if isinstance(value, str | int | float) else ""
    return f"{key}: {shown}{said[:1].lower()}{said[1:]}."


def _key(problem: Any, given: dict[str, Any]) -> str:
    """The key that a problem is about, without the types that pydantic tried in turn."""
    parts: list[str] = []
    value: Any = given
    *_, last = (None, *problem["loc"])
    for part in problem["loc"]:
        try:
            value = value[part]
        except (LookupError, TypeError):
            if parts and (problem["type"] != "missing" or part != last):
                continue
        parts.append(str(part))
    return ".".join(parts) or "it"


def _problems(config: "TaskConfig") -> Iterator[Problem]:
    """What Harbor would start and not finish well, and what the sandbox cannot be."""
    environment, verifier = config.environment, config.verifier
    yield from _phase_problems("", config)
    yield from _environment_problems("environment", environment)
    if verifier.environment is not None:
        yield from _environment_problems("verifier.environment", verifier.environment)
    if config.steps:
        yield Problem(_STEPS_IN_SANDBOX, "steps")
    for number, step in enumerate(config.steps or ()):
        yield from _phase_problems(f"steps.{number}.", step)
        if step.verifier.environment is not None:
            yield Problem(
                f"steps.{number}.verifier.environment: a step has no verifier's image of its own "
                "here; write it below [verifier], for all steps."
            )
    for number, server in enumerate(environment.mcp_servers):
        host = urlsplit(server.url or "").hostname or ""
        if server.transport != "stdio" and ("." not in host or host.startswith("127.")):
            yield Problem(
                f"environment.mcp_servers.{number}.url: {server.url!r} {NEEDS_DOCKER}: nothing "
                "serves it in the sandbox, where no service outlives its command.",
                "containers",
            )


def _phase_problems(prefix: str, told: "TaskConfig | StepConfig") -> Iterator[Problem]:
    """The same of what a task, or a step, says of the two phases."""
    for key, phase in ((f"{prefix}agent", told.agent), (f"{prefix}verifier", told.verifier)):
        yield from _seconds(f"{key}.timeout_sec", phase.timeout_sec)
        yield from _network_problems(key, phase.network_mode)
        if phase.user not in (None, *ROOT):
            said = (
                f"{key}.user: {str(phase.user)[:60]!r} {NEEDS_DOCKER}; the sandbox has root alone."
            )
            yield Problem(said, "containers")


def _seconds(key: str, value: float | None) -> Iterator[Problem]:
    """Harbor takes any number for a timeout."""
    if value is not None and not 0 < value < float("inf"):
        yield Problem(f"{key}: is {value:g}, but: must be a number of seconds above 0.")


def _environment_problems(key: str, environment: "EnvironmentConfig") -> Iterator[Problem]:
    yield from _seconds(f"{key}.build_timeout_sec", environment.build_timeout_sec)
    if environment.os == "windows":
        yield Problem(f"{key}.os: windows {NEEDS_DOCKER}, and a Windows host.", "containers")
    if environment.gpus or environment.gpu_types:
        yield Problem(f"{key}.gpus: {_NO_DEVICES.format('GPUs')}")
    if environment.tpu:
        yield Problem(f"{key}.tpu: {_NO_DEVICES.format('TPUs')}")
    yield from _network_problems(key, environment.network_mode)


def _network_problems(key: str, mode: str | None) -> Iterator[Problem]:
    if mode == "allowlist":
        said = (
            f'{key}.network_mode: "allowlist" needs a provider that enforces it (environment = '
            '"harbor:<type>"); write "no-network" or "public" here.'
        )
        yield Problem(said, "provider")


def _services(config: "TaskConfig") -> Iterator[tuple[str, str]]:
    """Services beside `main`, which only a compose file starts."""
    parts = [("", config), *((f"steps.{n}.", step) for n, step in enumerate(config.steps or ()))]
    for prefix, part in parts:
        for number, hook in enumerate(part.verifier.collect):
            if hook.service != "main":
                yield f"{prefix}verifier.collect.{number}.service", hook.service
        for number, artifact in enumerate(part.artifacts):
            if not isinstance(artifact, str) and artifact.service not in (None, "main"):
                yield f"{prefix}artifacts.{number}.service", artifact.service


def _variables(config: "TaskConfig") -> Iterator[tuple[str, dict[str, str], Who]]:
    """Tables of variables, and who gets them."""
    yield "environment.env", config.environment.env, "candidate"
    yield "verifier.env", config.verifier.env, "verifier"
    if config.verifier.environment is not None:
        yield "verifier.environment.env", config.verifier.environment.env, "verifier"
    yield "solution.env", config.solution.env, "oracle"
    for number, step in enumerate(config.steps or ()):
        yield f"steps.{number}.verifier.env", step.verifier.env, "verifier"


def _is_separate(*tables: dict[str, Any]) -> bool:
    """Whether the verifier gets an environment of its own, as Harbor decides it.

    Of a step and its task the first that says anything decides.
    """
    for verifier in (subtable(table, "verifier") for table in tables):
        if "environment_mode" in verifier or "environment" in verifier:
            return verifier.get("environment_mode", "separate") == "separate"
    return False


def _notes(config: "TaskConfig", content: dict[str, Any]) -> Iterator[str]:
    environment, declared = config.environment, subtable(content, "environment")
    steps, own = _tables(content, "steps"), subtable(content, "agent")
    if any("timeout_sec" not in {**own, **subtable(one, "agent")} for one in steps or [content]):
        yield (
            "agent.timeout_sec: not set, which is no limit in Harbor; here "
            "benchmark.trial_timeout_seconds of autoagent.toml is the limit."
        )
    if declared.keys().isdisjoint(("network_mode", "allow_internet")):
        yield 'environment.network_mode: not set, so "public"; write "no-network" if the task can.'
    for key in ("allow_internet", "memory", "storage"):
        if key in declared:
            new = {"allow_internet": "network_mode"}.get(key, f"{key}_mb")
            yield f"environment.{key}: deprecated; write {new}."
    if any(_is_separate(one, content) for one in steps or [content]):
        yield (
            "verifier.environment_mode: separate: the verifier sees declared artifacts and "
            "/logs/artifacts, and nothing else of what the harness did."
        )
    if asked := sorted({v for v in environment.env.values() if "${" in v}):
        yield f"environment.env: {', '.join(asked)} is filled in from the host's variables."


def _unknown(table: BaseModel, prefix: str) -> Iterator[str]:
    """Keys that Harbor would ignore without a word."""
    fields = type(table).model_fields
    for key in table.model_extra or {}:
        likely = get_close_matches(key, fields, 1)
        hint = f"; did you mean `{likely[0]}`?" if likely else "."
        yield f"{prefix}{key}: Harbor ignores this key{hint}"
    for key in fields:
        value: Any = getattr(table, key)
        if isinstance(value, BaseModel):
            yield from _unknown(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            for number, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
                if isinstance(item, BaseModel):
                    yield from _unknown(item, f"{prefix}{key}.{number}.")
