"""task.toml as Harbor 0.24 reads it (schema 1.4), without importing Harbor.

Harbor ignores unknown keys in silence and drops an invalid task in silence. Here the
first are notes, with the likely spelling, and the second are problems that say what to
write. What the sandbox cannot give is a problem too, by name.
"""

import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NamedTuple

import tomli
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from autoagent.workspace.tasks.dockerfile import ELSEWHERE

FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_NETWORKS = Literal["no-network", "public", "allowlist"]


def _seconds(value: float) -> float:
    if not math.isfinite(value) or value <= 0:
        raise ValueError("must be a number of seconds above 0")
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Seconds = Annotated[float, AfterValidator(_seconds)]


class _Table(BaseModel):
    """A table of task.toml: typed where Harbor types it, unknown keys kept for the notes."""

    model_config = ConfigDict(extra="allow")


class _Author(_Table):
    name: str
    email: str | None = None


class _Package(_Table):
    name: str
    version: str | None = Field(None, min_length=1)
    description: str = ""
    authors: list[_Author] = []
    keywords: list[str] = []


class _Phase(_Table):
    network_mode: _NETWORKS | None = None
    allowed_hosts: list[str] | None = None
    user: str | int | None = None


class _Agent(_Phase):
    timeout_sec: Seconds | None = None


class _Healthcheck(_Table):
    command: str
    interval_sec: float = 5.0
    timeout_sec: float = 30.0
    start_period_sec: float = 0.0
    start_interval_sec: float = 5.0
    retries: int = 3


class _Server(_Table):
    name: str
    transport: Literal["stdio", "sse", "streamable-http", "http"] = "sse"
    url: str | None = None
    command: str | None = None
    args: list[str] = []


class _Environment(_Table):
    network_mode: _NETWORKS = "public"
    allowed_hosts: list[str] | None = None
    build_timeout_sec: Seconds = 600.0
    docker_image: str | None = None
    os: Annotated[Literal["linux", "windows"], BeforeValidator(_lower)] = "linux"
    cpus: int | None = None
    memory_mb: int | None = None
    storage_mb: int | None = None
    gpus: int | None = None
    gpu_types: list[str] | None = None
    tpu: dict[str, Any] | None = None
    mcp_servers: list[_Server] = []
    env: dict[str, str] = {}
    skills_dir: str | None = None
    healthcheck: _Healthcheck | None = None
    workdir: str | None = None
    allow_internet: bool | None = None
    memory: Any = None
    storage: Any = None


class _Collect(_Table):
    command: str
    service: str = "main"
    timeout_sec: float = 60.0
    user: str | int | None = None


class _Verifier(_Phase):
    timeout_sec: Seconds = 600.0
    env: dict[str, str] = {}
    environment_mode: Literal["shared", "separate"] | None = None
    environment: _Environment | None = None
    collect: list[_Collect] = []


class _Solution(_Table):
    env: dict[str, str] = {}


class _Artifact(_Table):
    source: str
    destination: str | None = None
    exclude: list[str] = []
    service: str | None = None


class TaskToml(_Table):
    """All of task.toml."""

    schema_version: str = "1.4"
    version: Any = None
    task: _Package | None = None
    metadata: dict[str, Any] = {}
    verifier: _Verifier = _Verifier()
    agent: _Agent = _Agent()
    environment: _Environment = _Environment()  # pyright: ignore[reportCallIssue]
    solution: _Solution = _Solution()
    source: str | None = None
    multi_step_reward_strategy: Literal["mean", "final"] | None = None
    steps: list[dict[str, Any]] | None = None
    artifacts: list[str | _Artifact] = []


def short_name(text: str) -> str:
    """A text as the second half of Harbor's org/name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_") or "task"


class Finding(NamedTuple):
    """What is to be said about task.toml: problems bar the task, notes do not.

    `services` are those beside `main` that it names, with the key.
    """

    problems: list[str]
    notes: list[str]
    separate_verifier: bool = False
    windows: bool = False
    has_image: bool = False
    services: Sequence[tuple[str, str]] = ()


def parse_toml(data: bytes) -> dict[str, Any]:
    """task.toml's content.

    Raises:
        ValueError: It is not UTF-8 or not TOML; the text says where.
    """
    try:
        return tomli.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def check_task_toml(content: dict[str, Any]) -> Finding:
    """Everything about task.toml that keeps a task from running here, or surprises."""
    try:
        config = TaskToml.model_validate(content)
    except ValidationError as error:
        return Finding([_told(problem) for problem in error.errors(include_url=False)], [])
    return Finding(
        list(_problems(config)),
        [*_unknown(config, ""), *_notes(config)],
        _is_separate(config),
        "windows" in (config.environment.os, getattr(config.verifier.environment, "os", "")),
        bool(config.environment.docker_image),
        [*_services(config)],
    )


def _told(problem: Any) -> str:
    location = ".".join(str(part) for part in problem["loc"])
    said = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"{location}: missing; Harbor needs it."
    return f"{location}: is {problem['input']!r}, but: {said[:1].lower()}{said[1:]}."


def _problems(config: TaskToml) -> Iterator[str]:
    package, environment, verifier = config.task, config.environment, config.verifier
    if package is not None and (not FULL_NAME.fullmatch(package.name) or ".." in package.name):
        full = f"local/{short_name(package.name)}"
        yield f'task.name: is {package.name!r}, but Harbor wants org/name: write "{full}".'
    if config.steps:
        yield "steps: multi-step tasks are not in this release; make each step a task."
    yield from _environment_problems("environment", environment)
    if verifier.environment is not None:
        yield from _environment_problems("verifier.environment", verifier.environment)
    for key, phase in (("agent", config.agent), ("verifier", verifier)):
        yield from _network_problems(key, phase.network_mode, phase.allowed_hosts)
    if verifier.environment_mode == "shared" and verifier.environment is not None:
        yield 'verifier.environment: contradicts environment_mode = "shared"; remove one of them.'
    if verifier.collect:
        yield f"verifier.collect: hooks before the verifier {ELSEWHERE}."
    for number, server in enumerate(environment.mcp_servers):
        needed = "command" if server.transport == "stdio" else "url"
        if not getattr(server, needed):
            yield f"environment.mcp_servers.{number}.{needed}: {server.transport} needs it."
    for number, artifact in enumerate(config.artifacts):
        source = artifact.source if isinstance(artifact, _Artifact) else artifact
        if ".." in source.split("/"):
            yield f"artifacts.{number}.source: {source!r} must not contain `..`."


def _services(config: TaskToml) -> Iterator[tuple[str, str]]:
    """Services beside `main`, which only a compose file starts."""
    for number, hook in enumerate(config.verifier.collect):
        if hook.service != "main":
            yield f"verifier.collect.{number}.service", hook.service
    for number, artifact in enumerate(config.artifacts):
        if isinstance(artifact, _Artifact) and artifact.service not in (None, "main"):
            yield f"artifacts.{number}.service", artifact.service


def _environment_problems(key: str, environment: _Environment) -> Iterator[str]:
    """What the sandbox cannot be."""
    if environment.os == "windows":
        yield f"{key}.os: windows {ELSEWHERE}, and a Windows host."
    if environment.docker_image:
        yield f"{key}.docker_image: {environment.docker_image!r} {ELSEWHERE}."
    if environment.gpus or environment.gpu_types:
        yield f"{key}.gpus: the sandbox has no GPUs; remove the key if the task needs none."
    if environment.tpu:
        yield f"{key}.tpu: the sandbox has no TPUs; remove the key if the task needs none."
    yield from _network_problems(key, environment.network_mode, environment.allowed_hosts)


def _network_problems(key: str, mode: str | None, hosts: list[str] | None) -> Iterator[str]:
    if mode == "allowlist":
        yield (
            f'{key}.network_mode: "allowlist" needs a provider that enforces it (environment = '
            '"harbor:<type>"); write "no-network" or "public" here.'
        )
    elif hosts or (hosts is not None and mode is None):
        yield f'{key}.allowed_hosts: needs network_mode = "allowlist"; remove it.'


def _is_separate(config: TaskToml) -> bool:
    """Whether the verifier gets an environment of its own, as Harbor decides it."""
    verifier = config.verifier
    return (verifier.environment_mode or (verifier.environment and "separate")) == "separate"


def _notes(config: TaskToml) -> Iterator[str]:
    environment = config.environment
    if config.agent.timeout_sec is None:
        yield (
            "agent.timeout_sec: not set, which is no limit in Harbor; here "
            "benchmark.trial_timeout_seconds of autoagent.toml is the limit."
        )
    if "network_mode" not in environment.model_fields_set and environment.allow_internet is None:
        yield 'environment.network_mode: not set, so "public"; write "no-network" if the task can.'
    for key in ("allow_internet", "memory", "storage"):
        if key in environment.model_fields_set:
            new = {"allow_internet": "network_mode"}.get(key, f"{key}_mb")
            yield f"environment.{key}: deprecated; write {new}."
    if environment.mcp_servers or environment.skills_dir:
        yield (
            "environment.mcp_servers, skills_dir: Harbor hands them to its own agents; a harness "
            "sees the instruction and the environment only."
        )
    if _is_separate(config):
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
