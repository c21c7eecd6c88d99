"""What a harness did in a trial, read back from the trial's directory.

The harness wrote `agent/trajectory.json` (ATIF 1.0 to 1.8) and may have written anything:
wrong types, deep nesting, links. Where it left nothing readable, our own record of its
environment calls stands in. Nothing here fails on what a file says, and no link is followed.
"""

import json
import os
import stat
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from autoagent.evidence.untrusted import clip, one_line, quoted
from autoagent.files import opened_directory

SIZE_LIMIT = 16 * 1024 * 1024
OUTLINE_STEPS = 40
OUTLINE_LINE_LIMIT = 110
COMPARED_STEPS = 2000
_VALUE_LIMIT = 20_000
_DEPTH_LIMIT = 8


class ToolCall(NamedTuple):
    """A tool or environment call, its arguments as text."""

    name: str
    arguments: str


class Step(NamedTuple):
    """One step: who acted, what was said, called and observed. Text is untrusted."""

    source: str
    message: str
    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The steps of a trial and where they were read. `problem` says why there are none.

    Steps are numbered from 1 in the order of the file, whatever their ids say.
    """

    raw: Sequence[Any]
    origin: str
    problem: str = ""

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.raw)

    def step(self, number: int) -> Step:
        """Step `number`, counted from 1."""
        read = _atif_step if self.origin == "trajectory.json" else _environment_step
        return read(_mapping(self.raw[number - 1]))


def read_trajectory(directory: Path) -> Trajectory:
    """The trajectory of a trial, or the record of its environment calls where there is none."""
    data, problem = _read(directory, "agent", "trajectory.json")
    if data is not None:
        parsed, problem = _parsed(data)
        steps = _mapping(parsed).get("steps")
        if isinstance(steps, list) and steps:
            return Trajectory(cast("list[Any]", steps), "trajectory.json")
        problem = problem or "agent/trajectory.json holds no list of steps"
    lines, missing = _read(directory, "environment-calls.jsonl")
    if lines is not None:
        calls = [value for value, _ in map(_parsed, lines.splitlines()) if _mapping(value)]
        if calls:
            return Trajectory(calls, "environment-calls.jsonl", problem)
        missing = "the harness made no environment call"
    return Trajectory((), "nothing", f"{problem}; {missing}")


def outline(trajectory: Trajectory) -> str:
    """One line a step; a long trajectory loses its middle, and says so."""
    count, half = len(trajectory), OUTLINE_STEPS // 2
    if count <= OUTLINE_STEPS:
        return "\n".join(_line(trajectory, number) for number in range(1, count + 1))
    first = [_line(trajectory, number) for number in range(1, half + 1)]
    last = [_line(trajectory, number) for number in range(count - half + 1, count + 1)]
    return "\n".join([*first, f"[… steps {half + 1} to {count - half} …]", *last])


def window(trajectory: Trajectory, first: int, count: int, limit: int) -> str:
    """Steps `first` to `first + count - 1`, in about `limit` characters altogether."""
    numbers = range(first, min(len(trajectory), first + count - 1) + 1)
    each = limit // max(1, len(numbers))
    return "\n\n".join(clip(_whole(trajectory, number), each) for number in numbers)


def parts(a: Path, b: Path) -> str:
    """The first step where the trajectories of two trials part, in one line."""
    before, after = read_trajectory(a), read_trajectory(b)
    if not before or not after:
        return "no trajectory on one side"
    longer = max(len(before), len(after))
    for number in range(1, min(longer, COMPARED_STEPS) + 1):
        old, new = (t.step(number) if number <= len(t) else None for t in (before, after))
        if old != new:
            said = [quoted(_summary(side), 70) if side else "the end" for side in (old, new)]
            return f"step {number}: {said[0]} became {said[1]}"
    return f"the same {min(longer, COMPARED_STEPS)} steps"


def verifier_output(directory: Path, limit: int) -> str:
    """The end of what the verifier printed; empty where nothing is readable."""
    return _tail(directory, limit, "verifier", "test-stdout.txt")


def exception(directory: Path, limit: int) -> str:
    """The end of the exception that ended the trial; empty where there was none."""
    return _tail(directory, limit, "exception.txt")


# steps ----------------------------------------------------------------------------


def _atif_step(raw: Mapping[str, Any]) -> Step:
    observation = _mapping(raw.get("observation"))
    message = _text(raw.get("message"))
    if reasoning := _text(raw.get("reasoning_content")):
        message = f"(reasoning) {reasoning}\n{message}"
    return Step(
        source=one_line(_text(raw.get("source")) or "unknown", 20),
        message=message,
        calls=tuple(
            ToolCall(_text(call.get("function_name")) or "call", _text(call.get("arguments")))
            for call in map(_mapping, _items(raw.get("tool_calls")))
        ),
        results=tuple(
            _text(result.get("content"))
            for result in map(_mapping, _items(observation.get("results")))
        ),
    )


def _environment_step(raw: Mapping[str, Any]) -> Step:
    facts = [f"{key} {_text(raw[key])}" for key in ("error", "return_code") if key in raw]
    facts += [text for key in ("stdout", "stderr") if (text := _text(raw.get(key)))]
    argument = raw.get("command", raw.get("path"))
    return Step(
        source="environment",
        message="",
        calls=(ToolCall(_text(raw.get("call")) or "call", _text(argument)),),
        results=("\n".join(facts),),
    )


def _line(trajectory: Trajectory, number: int) -> str:
    step = trajectory.step(number)
    return f"{number} {step.source}: {one_line(_summary(step), OUTLINE_LINE_LIMIT)}"


def _summary(step: Step) -> str:
    calls = [f"{call.name}({call.arguments[:400]})" for call in step.calls[:5]]
    results = [f"-> {result[:400]}" for result in step.results[:5]]
    return " ".join([step.message[:400], *calls, *results])


def _whole(trajectory: Trajectory, number: int) -> str:
    step = trajectory.step(number)
    lines = [f"--- step {number} of {len(trajectory)}, {step.source}"]
    if step.message:
        lines.append(step.message)
    lines += [f"call {call.name}: {call.arguments}" for call in step.calls]
    lines += [f"result: {result}" for result in step.results]
    return "\n".join(lines)


# values of unknown type -----------------------------------------------------------


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _items(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value)[:200] if isinstance(value, list) else ()


def _text(value: Any) -> str:
    """Any JSON value as text of bounded length; media parts by their path only."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:_VALUE_LIMIT]
    if isinstance(value, list) and all("type" in _mapping(part) for part in _items(value)):
        return "\n".join(map(_part, _items(value)))[:_VALUE_LIMIT]
    pieces: list[str] = []
    left = _VALUE_LIMIT
    for piece in _compact(value, _DEPTH_LIMIT):
        pieces.append(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    return "".join(pieces)


def _part(part: Any) -> str:
    facts = _mapping(part)
    if isinstance(text := facts.get("text"), str):
        return text[:_VALUE_LIMIT]
    return f"[{facts.get('type')!s:.20} {_mapping(facts.get('source')).get('path')!s:.200}]"


def _compact(value: Any, depth: int) -> Iterator[str]:
    """JSON-like text; what is nested deeper than `depth`, or very long, is left out."""
    if isinstance(value, dict | list) and depth == 0:
        yield "…"
    elif isinstance(value, dict):
        yield "{"
        for index, (key, inner) in enumerate(list(_mapping(value).items())[:50]):
            yield f"{', ' if index else ''}{key[:100]}: "
            yield from _compact(inner, depth - 1)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, inner in enumerate(_items(value)[:50]):
            yield ", " if index else ""
            yield from _compact(inner, depth - 1)
        yield "]"
    else:
        yield f"{value!s:.4000}"


# files ----------------------------------------------------------------------------


def _parsed(data: bytes) -> tuple[Any, str]:
    try:
        return json.loads(data), ""
    except (ValueError, RecursionError) as error:
        return None, f"agent/trajectory.json is not JSON ({type(error).__name__})"


def _read(directory: Path, *names: str) -> tuple[bytes | None, str]:
    """A file of a trial, or None and why it cannot be read."""
    label = "/".join(names)
    try:
        with _opened(directory, *names) as (file, size):
            if size > SIZE_LIMIT:
                return None, f"{label} has {size:,} bytes, of at most {SIZE_LIMIT:,}"
            return file.read(SIZE_LIMIT), ""
    except OSError as error:
        return None, f"{label}: {error.strerror}"


def _tail(directory: Path, limit: int, *names: str) -> str:
    try:
        with _opened(directory, *names) as (file, size):
            file.seek(max(0, size - limit))
            text = file.read(limit).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return f"[… {size - limit:,} bytes before this …]\n{text}" if size > limit else text


@contextmanager
def _opened(directory: Path, *names: str) -> Generator[tuple[BinaryIO, int]]:
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
