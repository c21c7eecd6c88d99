"""The files of a trial's directory, which may hold anything: no link is followed.

A trial of a task with steps has what a trial has once for each: `steps/NAME/agent/` and so on.
"""

import json
import os
import stat
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from autoagent.files import opened_directory

CALLS_FILE = "environment-calls.jsonl"
"""Our own record of what the harness asked of its environment."""
SIZE_LIMIT = 16 * 1024 * 1024


class Part(NamedTuple):
    """What a trial did in one step of its task; where there are none, all of it.

    `place` is the way to it in the trial's directory; `told` says which step it is, or "".
    """

    place: tuple[str, ...] = ()
    told: str = ""


def parts_of(directory: Path) -> list[Part]:
    """The parts of a trial, in their order; those of one that did not end are told by name."""
    try:
        with _directory(directory, "steps") as steps, os.scandir(steps) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return [Part()]
    told = {str(one.get("step_name")): one for one in _results(directory)}
    order = [name for name in told if name in names] if told else names
    return [Part(("steps", name), _told(name, told.get(name, {}))) for name in order] or [Part()]


def _results(directory: Path) -> Sequence[Mapping[str, Any]]:
    """What Harbor's result says of each step."""
    data, _ = read(directory, "result.json")
    try:
        found: Any = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return ()
    listed = found.get("step_results") if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else ()  # pyright: ignore[reportUnknownVariableType]


def _told(name: str, told: Mapping[str, Any]) -> str:
    verified, failed = told.get("verifier_result"), told.get("exception_info")
    rewards: Any = cast("dict[str, Any]", verified).get("rewards") if verified else None
    facts = [f"rewards {rewards}"] if rewards else []
    facts += [str(cast("dict[str, Any]", failed).get("exception_type"))] if failed else []
    return f"the task's step {name!r}{f' ({", ".join(facts)})' if facts else ''}"


def read(directory: Path, *names: str) -> tuple[bytes | None, str]:
    """A file of a trial, or None and why it cannot be read."""
    label = "/".join(names)
    try:
        with opened(directory, *names) as (file, size):
            if size > SIZE_LIMIT:
                return None, f"{label} has {size:,} bytes, of at most {SIZE_LIMIT:,}"
            return file.read(SIZE_LIMIT), ""
    except OSError as error:
        return None, f"{label}: {error.strerror}"


def tail(directory: Path, limit: int, *names: str) -> tuple[str, int]:
    """The end of a trial's file, and how many bytes stand before it; "" where it is unreadable."""
    try:
        with opened(directory, *names) as (file, size):
            file.seek(max(0, size - limit))
            return file.read(limit).decode("utf-8", "replace").strip(), max(0, size - limit)
    except OSError:
        return "", 0


def end(directory: Path, limit: int, *names: str) -> str:
    """The same in one text, which says what stands before it."""
    text, cut = tail(directory, limit, *names)
    return f"[… {cut:,} bytes before this …]\n{text}" if cut else text


def plain_names(directory: Path, *names: str) -> list[str]:
    """The plain files in a directory of a trial's."""
    try:
        with _directory(directory, *names) as inside, os.scandir(inside) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError:
        return []


@contextmanager
def _directory(directory: Path, *names: str) -> Generator[int]:
    if not directory.is_absolute():
        raise FileNotFoundError(2, "the trial left no directory")
    above = (directory.parent.name, directory.name, *names[:-1])
    with opened_directory(directory.parent.parent, *above) as at:
        inside = os.open(names[-1], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
    try:
        yield inside
    finally:
        os.close(inside)


@contextmanager
def opened(directory: Path, *names: str) -> Generator[tuple[BinaryIO, int]]:
    """A regular file of a trial and its size; neither it nor a directory on the way is a link.

    Raises:
        OSError: It is missing, a link, or not a regular file.
    """
    if not directory.is_absolute():
        raise FileNotFoundError(2, "the trial left no directory")
    *above, name = directory.parent.name, directory.name, *names
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    with opened_directory(directory.parent.parent, *above) as inside:
        descriptor = os.open(name, flags, dir_fd=inside)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "not a regular file")
        yield file, status.st_size
