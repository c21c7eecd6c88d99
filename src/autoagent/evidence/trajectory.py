"""What a harness did in a trial, read back from the trial's directory.

The harness wrote `agent/trajectory.json` (ATIF 1.0 to 1.8) and may have written anything: wrong
types, deep nesting, links. Where it left no such file, or one too large to read, our own record of
its environment calls stands in (of a large one its end), and after it whatever else is text in
`agent/`, cut into pieces. Nothing here fails on what a file says, and no link is followed. How
steps are shown is `outline`'s.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from autoagent.evidence import trial_files
from autoagent.evidence.trial_files import CALLS_FILE
from autoagent.evidence.untrusted import one_line

PRINTED = ("verifier", "test-stdout.txt")
LOG_BYTES = 1024 * 1024
"""Of a log that is no trajectory the end is read."""
LOGS = 3
_PIECE = 2000
_VALUE_LIMIT = 20_000
_DEPTH_LIMIT = 8
_EXIT = re.compile(
    r"\W*(?:(?:the )?(?:process|command)\W+)?"
    r"(?:exit(?:ed)?(?:[ _-]?(?:with|code|status)){0,2}|return[ _-]?(?:code|status))"
    r"\W{0,3}?(-?\d{1,4})\W*",
    re.I,
)
_CODES = ("return_code", "returncode", "exit_code", "exit_status")
_ERROR = re.compile(r"\W*(?:error|traceback|exception)\b", re.I)


class ToolCall(NamedTuple):
    """A tool or environment call, its arguments as text."""

    name: str
    arguments: str


class Acts(NamedTuple):
    """Who acted, what was said, called and observed. Text is untrusted."""

    source: str
    message: str
    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]


class Step(NamedTuple):
    """One step: what was done; how it ended (`exit 1`, `error`); what it took, where known.

    `size` is how many characters were observed. Seconds are since the step before it.
    """

    acts: Acts
    end: str = ""
    size: int = 0
    seconds: float | None = None
    dollars: float | None = None

    @property
    def failed(self) -> bool:
        """Whether a call of this step says that it failed."""
        return self.end not in ("", "exit 0")


class Piece(NamedTuple):
    """Some lines of a log that is no trajectory."""

    file: str
    text: str


class Call(NamedTuple):
    """An environment call, as our own record has it."""

    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The steps of a trial and where they were read. `problem` says why it is no ATIF.

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
        raw = self.raw[number - 1]
        if isinstance(raw, Piece):
            return Step(Acts(one_line(raw.file, 30), raw.text, (), ()))
        if isinstance(raw, Call):
            return _environment_step(raw.facts)
        before = self.raw[number - 2] if number > 1 else None
        return _atif_step(_mapping(raw), _mapping(before))


def read_trajectory(directory: Path) -> Trajectory:
    """The trajectory of a trial, or where there is none our record of its calls, and its logs.

    Of a task with steps those of each, one after the other; a line says where each begins.
    """
    parts = trial_files.parts_of(directory)
    if len(parts) == 1 and not parts[0].told:
        return _read_part(directory, ())
    raw: list[Any] = []
    origins: list[str] = []
    problems: list[str] = []
    for part in parts:
        found = _read_part(directory, part.place)
        raw += [Piece("task", part.told), *found.raw]
        origins.append(found.origin)
        problems += [f"{part.told}: {found.problem}"] if found.problem else []
    return Trajectory(raw, ", ".join(dict.fromkeys(origins)), "; ".join(problems))


def _read_part(directory: Path, place: tuple[str, ...]) -> Trajectory:
    data, problem = trial_files.read(directory, *place, "agent", "trajectory.json")
    if data is not None:
        parsed, problem = _parsed(data)
        steps = _mapping(parsed).get("steps")
        if isinstance(steps, list) and steps:
            return Trajectory(cast("list[Any]", steps), "trajectory.json")
        problem = problem or "agent/trajectory.json holds no list of steps"
    calls: list[Any] = []
    lines, missing = trial_files.read(directory, *place, CALLS_FILE)
    if lines is None and (end := trial_files.tail(directory, LOG_BYTES, *place, CALLS_FILE))[1]:
        lines = end[0].partition("\n")[2].encode()
        problem += f"; our record of its calls has {end[1]:,} bytes before these"
    if lines is not None:
        found = (_mapping(value) for value, _ in map(_parsed, lines.splitlines()))
        calls = [Call(value) for value in found if value]
        missing = "the harness made no environment call"
    logs = list(_logs(directory, *place, "agent"))
    names = [CALLS_FILE] * bool(calls) + [piece.file for piece in logs]
    problem = problem if calls else f"{problem}; {missing}"
    return Trajectory([*calls, *logs], ", ".join(dict.fromkeys(names)) or "nothing", problem)


def last_calls(directory: Path, limit: int, most: int = 0) -> list[Step]:
    """The environment calls in the last `limit` bytes of our own record; `most` of them, or all."""
    found: list[Step] = []
    for part in trial_files.parts_of(directory):
        lines = trial_files.tail(directory, limit, *part.place, CALLS_FILE)[0].encode().splitlines()
        values = (_mapping(value) for value, _ in map(_parsed, lines[-most:]))
        found += [_environment_step(value) for value in values if value]
    return found[-most:]


def _logs(directory: Path, *place: str) -> Iterator[Piece]:
    """The ends of a few logs in `agent/` that hold text, in pieces of whole lines."""
    for name in trial_files.plain_names(directory, *place)[:LOGS]:
        text, cut = trial_files.tail(directory, LOG_BYTES, *place, name)
        if "\0" in text:
            continue
        piece = f"[… {cut:,} bytes before this …]\n" if cut else ""
        for line in text.splitlines(keepends=True):
            if piece and len(piece) + len(line) > _PIECE:
                yield Piece(name, piece)
                piece = ""
            piece += line
        if piece:
            yield Piece(name, piece)


def verifier_output(directory: Path, limit: int) -> str:
    """The end of what the verifier printed, in each step; empty where nothing is readable."""
    parts = trial_files.parts_of(directory)
    said = [
        (part.told, trial_files.end(directory, limit // len(parts), *part.place, *PRINTED))
        for part in parts
    ]
    return "\n".join(f"[{told}]\n{text}" if told else text for told, text in said if text)


def exception(directory: Path, limit: int) -> str:
    """The end of the exception that ended the trial; empty where there was none."""
    return trial_files.end(directory, limit, "exception.txt")


def size_of(directory: Path, *, record: bool = False) -> int | None:
    """Bytes of what is read of a trial: its trajectory, else our `record`; None without one."""
    sizes: list[int] = []
    for part in trial_files.parts_of(directory):
        for names in (("agent", "trajectory.json"), (CALLS_FILE,))[record:]:
            with suppress(OSError), trial_files.opened(directory, *part.place, *names) as opened:
                sizes.append(opened[1])
                break
    return sum(sizes) if sizes else None


# steps ----------------------------------------------------------------------------


def _atif_step(raw: Mapping[str, Any], before: Mapping[str, Any]) -> Step:
    observation = _mapping(raw.get("observation"))
    message = _text(raw.get("message"))
    if reasoning := _text(raw.get("reasoning_content")):
        message = f"(reasoning) {reasoning}\n{message}"
    contents = [r.get("content") for r in map(_mapping, _items(observation.get("results")))]
    results = tuple(map(_text, contents))
    whole = [c if isinstance(c, str) else t for c, t in zip(contents, results, strict=True)]
    acts = Acts(
        source=one_line(_text(raw.get("source")) or "unknown", 20),
        message=message,
        calls=tuple(
            ToolCall(_text(call.get("function_name")) or "call", _text(call.get("arguments")))
            for call in map(_mapping, _items(raw.get("tool_calls")))
        ),
        results=results,
    )
    now, then = _moment(raw.get("timestamp")), _moment(before.get("timestamp"))
    return Step(
        acts,
        end=_end_of(whole, contents),
        size=sum(map(len, whole)),
        seconds=now - then if now is not None and then is not None and now >= then else None,
        dollars=_number(_mapping(raw.get("metrics")).get("cost_usd")),
    )


def _environment_step(raw: Mapping[str, Any]) -> Step:
    facts = [f"{key} {_text(raw[key])}" for key in ("error", "return_code") if key in raw]
    facts += [text for key in ("stdout", "stderr") if (text := _text(raw.get(key)))]
    argument = raw.get("command", raw.get("path"))
    call = ToolCall(_text(raw.get("call")) or "call", _text(argument))
    code = raw.get("return_code")
    return Step(
        Acts("environment", "", (call,), ("\n".join(facts),)),
        size=sum(map(len, facts)),
        end="error" if "error" in raw else f"exit {code}" if isinstance(code, int) else "",
        seconds=_number(raw.get("seconds")),
    )


def _end_of(results: Sequence[str], contents: Sequence[Any]) -> str:
    """How the calls of a step ended: the worst that a result says in its first or last line."""
    ends: list[str] = []
    for text, content in zip(results, contents, strict=True):
        facts = _mapping(content)
        codes = [facts.get(key) for key in _CODES]
        ends += [f"exit {code:d}"[:12] for code in codes if isinstance(code, int)]
        lines = text[:200].split("\n", 1)[0], text[-200:].rstrip().rsplit("\n", 1)[-1]
        ends += [f"exit {found[1]}" for line in lines if (found := _EXIT.fullmatch(line))]
        if _ERROR.match(text[:200]):
            ends.append("error")
    bad = [end for end in ends if end != "exit 0"]
    return (bad or ends or [""])[0]


def _moment(value: Any) -> float | None:
    """Seconds of an ISO timestamp, or of a number that stands in its place."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value[:40]).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    return _number(value)


def _number(value: Any) -> float | None:
    """A finite number that is not negative, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None


def leaves(value: Any) -> Iterator[str]:
    """Every text in a step as it was read, whole; what it was called is not told."""
    left = [value]
    while left:
        inner = left.pop()
        if isinstance(inner, Piece):
            yield inner.text
        elif isinstance(inner, Call):
            left.append(inner.facts)
        elif isinstance(inner, dict):
            left += reversed(list(_mapping(inner).values()))
        elif isinstance(inner, list):
            left += reversed(cast("list[Any]", inner))
        elif isinstance(inner, str):
            yield inner


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


def _parsed(data: bytes) -> tuple[Any, str]:
    try:
        return json.loads(data), ""
    except (ValueError, RecursionError) as error:
        return None, f"agent/trajectory.json is not JSON ({type(error).__name__})"
