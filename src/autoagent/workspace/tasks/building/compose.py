"""A task's docker-compose.yaml: what it starts, and what it reaches of the host. Nothing is run.

Scalars are read as text and a merge (`<<`) is looked into once, so that no file, however it
nests or repeats itself, takes more than its size. What `$VARIABLES` stand for is not known here.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

COMPOSE_FILE = "docker-compose.yaml"
"""The only name that Harbor reads."""
IGNORED_NAMES = ("docker-compose.yml", "compose.yaml", "compose.yml")
"""Names that Docker reads and Harbor does not."""

_LARGEST = 64 * 1024
_NO = ("", "0", "false", "no", "off", "null", "~")
_POWERS = (
    *("cap_add", "cgroup_parent", "device_cgroup_rules", "devices", "privileged"),
    *("security_opt", "use_api_socket", "volumes_from"),
)
_NAMESPACES = ("cgroup", "ipc", "network_mode", "pid", "userns_mode", "uts")


class Compose(NamedTuple):
    """What a file declares, by name, merges resolved."""

    services: Mapping[str, Mapping[str, Any]]
    networks: Mapping[str, Mapping[str, Any]]
    volumes: Mapping[str, Mapping[str, Any]]


def read_compose(data: bytes) -> Compose:
    """Read a compose file.

    Raises:
        ValueError: It cannot be read, or starts services that are in another file; says what to do.
    """
    found = compose_or_problem(data)
    if isinstance(found, str):
        raise ValueError(found)
    return found


@lru_cache(32)
def compose_or_problem(data: bytes) -> Compose | str:
    """What a file declares, or what is wrong with it; asked often, and hostile YAML is slow."""
    if len(data) > _LARGEST:
        return f"is larger than {_LARGEST // 1024} KiB; Harbor's tasks need less"
    try:
        found: Any = yaml.load(data, yaml.BaseLoader)  # which makes texts, lists and maps alone
    except (yaml.YAMLError, ValueError) as error:
        return f"is not YAML: {' '.join(str(error).split())[:200]}"
    except RecursionError:
        return "is nested too deeply"
    top = _merged(found)
    if top.get("include"):
        return "`include`: write its services in this file, so that nothing is missed"
    compose = Compose(*(_tables(top.get(key)) for key in Compose._fields))
    return compose if compose.services else "starts no services; Harbor's own is called `main`"


def host_access(compose: Compose) -> Iterator[str]:
    """What services get of the host, a line for each: the candidate gets it with them."""
    for name, service in compose.services.items():
        keys = [key for key in _POWERS if _is_set(service.get(key))]
        keys += [key for key in _NAMESPACES if "host" in _text(service.get(key))]
        keys += [f"binds {source[:60]}" for source in _binds(service)]
        if isinstance(extends := service.get("extends"), dict) and "file" in extends:
            keys.append("extends a file that is not looked at")
        if keys:
            yield f"{name[:60]!r} reaches the host: {', '.join(keys)}"
    for name, volume in compose.volumes.items():
        if "device" in _merged(volume.get("driver_opts")):
            yield f"the volume {name[:60]!r} reaches the host: driver_opts.device"
    for kind, tables in (("network", compose.networks), ("volume", compose.volumes)):
        for name, table in tables.items():
            if is_external(table):
                yield f"the {kind} {name[:60]!r} is external: others of this daemon use it too"


def is_external(table: Mapping[str, Any]) -> bool:
    """Whether a network or a volume is somebody else's."""
    return _is_set(table.get("external"))


def _binds(service: Mapping[str, Any]) -> Iterator[str]:
    """Places of the host's that are mounted."""
    volumes = service.get("volumes")
    for volume in volumes if isinstance(volumes, list) else ():  # pyright: ignore[reportUnknownVariableType]
        if isinstance(volume, str):
            source, mounted, _ = volume.partition(":")
            if mounted and source.startswith(("/", ".", "~", "$")):
                yield source
        else:
            table = _merged(volume)
            if _text(table.get("type")) not in ("volume", "tmpfs"):
                yield _text(table.get("source"))


def _tables(value: Any) -> dict[str, dict[str, Any]]:
    return {name: _merged(table) for name, table in _merged(value).items()}


def _merged(value: Any) -> dict[str, Any]:
    """A mapping with what `<<` merges into it; empty for anything else."""
    found: dict[str, Any] = {}
    waiting, seen = [value], set[int]()
    while waiting:
        table = waiting.pop()
        if id(table) in seen:
            continue
        seen.add(id(table))
        if isinstance(table, list):
            waiting += table  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(table, dict):
            for key, each in table.items():  # pyright: ignore[reportUnknownVariableType]
                if key == "<<":
                    waiting.append(each)
                else:
                    found.setdefault(str(key), each)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _is_set(value: Any) -> bool:
    return value.lower() not in _NO if isinstance(value, str) else bool(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
