"""Control groups: what one trial may use of the machine's memory and processes.

A group of its own bounds a trial's harness, and one the commands in its environment: what is
beyond ends inside the group. Made where this user may make groups, next to or below the
worker's own, in either version of the hierarchy (Linux, Documentation/admin-guide/cgroup-v1
and cgroup-v2.rst); `why_not` says why there are none, and then only rlimits are left.
"""

import contextlib
import itertools
import os
import re
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

PREFIX = "autoagent."
CONTROLLERS = ("memory", "pids")
REMOVAL_SECONDS = 10.0
_BLOCK_BYTES = 512
"""What `ulimit -f` counts in (POSIX.1, ulimit)."""
_OWNER = re.compile(rf"{re.escape(PREFIX)}(\d+)\.")
_numbers = itertools.count()


class Limits(NamedTuple):
    """What a group allows."""

    memory_bytes: int
    processes: int


class Group(NamedTuple):
    """One group: a directory in each hierarchy that it takes."""

    places: Sequence[Path]

    @property
    def doors(self) -> list[Path]:
        """Files that take a process in: whoever writes 0 moves itself."""
        return [place / "cgroup.procs" for place in self.places]


def entering(group: Group, file_bytes: int) -> list[str]:
    """What goes before a command so that it starts in the group, and writes no larger file."""
    script = f'ulimit -c 0; ulimit -f {file_bytes // _BLOCK_BYTES}; exec "$@"'
    for door in group.doors:
        script = f"echo 0 >{shlex.quote(str(door))} || exit; {script}"
    return ["/bin/sh", "-c", script, "bounded"]


class Home(NamedTuple):
    """Where groups are made: one directory in the unified hierarchy, or one a controller."""

    places: Mapping[Path, Sequence[str]]
    unified: bool


@cache
def find() -> Home | str:
    """Where this process may make groups, or why nowhere. Asked once, by making one."""
    home = read_home(
        Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
    )
    if isinstance(home, str):
        return home
    try:
        remove(_make(home, Limits(2**28, 64)))
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return home


def why_not() -> str | None:
    """Why memory and processes of trials are not bounded here, or None where they are."""
    home = find()
    return home if isinstance(home, str) else None


def make(limits: Limits) -> Group | None:
    """Make a group, or tell by None that none can be made here.

    Raises:
        OSError: The machine would not make it.
    """
    home = find()
    return None if isinstance(home, str) else _make(home, limits)


def ended_by_memory(group: Group) -> bool:
    """Whether the kernel ended a process of a group because its memory was used up."""
    for place in group.places:
        for file in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                told = dict(line.split(" ", 1) for line in (place / file).read_text().splitlines())
                if int(told.get("oom_kill", "0")) > 0:
                    return True
    return False


def remove(group: Group) -> None:
    """Remove a group; its processes are dying, and one that will not die leaves it to `sweep`."""
    until = time.monotonic() + REMOVAL_SECONDS
    for place in group.places:
        while place.is_dir() and time.monotonic() < until:
            try:
                place.rmdir()
            except OSError:
                time.sleep(0.005)


def sweep() -> None:
    """Remove what workers that were killed left behind."""
    home = find()
    if isinstance(home, str):
        return
    for place in home.places:
        for left in place.glob(f"{PREFIX}*"):
            owner = _OWNER.match(left.name)
            if owner and not Path("/proc", owner[1]).exists():
                with contextlib.suppress(OSError):
                    left.rmdir()


def read_home(groups: str, mounts: str) -> Home | str:
    """Read `/proc/self/cgroup` and `/proc/self/mountinfo`."""
    own = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in groups.splitlines()}
    places: dict[Path, Sequence[str]] = {}
    unified: Path | None = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        _, _, _, root, target, *_ = before.split()
        kind, _, options, *_ = after.split()
        if kind == "cgroup2":
            unified = Path(target) / os.path.relpath(own.get("", "/"), root)
        elif kind == "cgroup" and (held := set(CONTROLLERS) & set(options.split(","))):
            name = next(key for key in own if held <= set(key.split(",")))
            places[Path(target) / os.path.relpath(own[name], root)] = sorted(held)
    if {name for held in places.values() for name in held} == set(CONTROLLERS):
        refused = [place for place in places if not os.access(place, os.W_OK)]
        return f"{refused[0]} is not writable" if refused else Home(places, unified=False)
    if unified is None:
        return "no hierarchy of control groups is mounted"
    for place in (unified, *unified.parents):
        try:
            handed = (place / "cgroup.subtree_control").read_text().split()
        except OSError:
            break
        if set(CONTROLLERS) <= set(handed) and os.access(place / "cgroup.procs", os.W_OK):
            return Home({place: CONTROLLERS}, unified=True)
    return f"no group above {unified} hands its memory and pids controllers to this user"


def _make(home: Home, limits: Limits) -> Group:
    name = f"{PREFIX}{os.getpid()}.{next(_numbers)}.{secrets.token_hex(3)}"
    made: list[Path] = []
    try:
        for place, held in home.places.items():
            (place / name).mkdir()
            made.append(place / name)
            for file, value in _settings(home.unified, held, limits).items():
                if (place / name / file).exists():  # a kernel may account for no swap
                    (place / name / file).write_text(value)
    except OSError:
        for place in made:
            place.rmdir()
        raise
    return Group(made)


def _settings(unified: bool, held: Sequence[str], limits: Limits) -> dict[str, str]:
    """Files and what goes into them, in this order; swap is no way around the bound."""
    memory = str(limits.memory_bytes)
    settings = {"pids.max": str(limits.processes)} if "pids" in held else {}
    if "memory" in held and unified:
        settings |= {"memory.max": memory, "memory.swap.max": "0"}
    elif "memory" in held:
        settings |= {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}
    return settings
