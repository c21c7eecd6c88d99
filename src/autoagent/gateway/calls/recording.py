"""Every exchange of a trial, written beside it; and a provider that only repeats a recording.

A recording is one JSON object a line: first whose it is, then the exchanges, each with what
the harness sent and what it got back, byte for byte, keys taken out. A replay finds an exchange
by its request and its order, in the recording of the same harness, task and attempt.
"""

import base64
import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple, cast

from autoagent.gateway.calls.redact import Redactor
from autoagent.gateway.money.usage import Owner, Usage

RECORDING = "model-calls.jsonl"
JUDGE_RECORDING = "judge-calls.jsonl"
LIMIT = 64 * 1024 * 1024
"""Bytes of one recording; what comes after is counted and not kept."""

_WITHIN = ("*/*-calls.jsonl", "*/*/*-calls.jsonl", "*/jobs/*/*/*-calls.jsonl")
"""Below an evaluation's jobs, all jobs, or all evaluations: those of held-out tasks keep their jobs
to themselves. No deeper: what a harness brings along lies there."""
_OTHERS = {"agent", "artifacts", "verifier"}
"""Directories of a trial that harnesses and tasks fill: a recording there is a forgery."""


class Exchange(NamedTuple):
    """One call and its answer, as the harness saw them; `dollars` is what it was charged."""

    number: int
    path: str
    request: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    answer: bytes
    usage: Usage | None = None
    dollars: float | None = None
    seconds: float = 0.0
    first_byte_seconds: float = 0.0
    refused: str = ""
    failed: str = ""
    answered_by: str = ""


class Recorder:
    """Writes one recording; stops at the limit and says so."""

    def __init__(self, path: Path, owner: Owner, redactor: Redactor) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._redactor, self._left = redactor, LIMIT
        self._write({"owner": owner._asdict()})

    def add(self, exchange: Exchange) -> None:
        """Write one exchange down, at once, so that a killed worker leaves what it had."""
        told = exchange._asdict() | {
            "seconds": round(exchange.seconds, 4),
            "first_byte_seconds": round(exchange.first_byte_seconds, 4),
            "usage": exchange.usage._asdict() if exchange.usage else None,
            "digest": _digest(exchange.path, exchange.request),
            "request": _stored(exchange.request),
            "answer": _stored(exchange.answer),
        }
        if self._left < len(exchange.request) + len(exchange.answer):
            told |= {"request": None, "answer": None, "dropped": True}
        self._write(told)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _write(self, told: dict[str, Any]) -> None:
        line = self._redactor.text(json.dumps(told, ensure_ascii=False)) + "\n"
        self._left -= len(line)
        if self._left > -LIMIT:  # lines without bodies still count against a flood
            self._file.write(line.encode("utf-8", "replace").decode())
            self._file.flush()


class Replay:
    """What was recorded below jobs directories, or below a state's evaluations."""

    def __init__(self, directories: Collection[Path]) -> None:
        """Find the recordings; each is read when its trial begins."""
        self.places = ", ".join(map(str, directories))
        self._paths: dict[tuple[str, Owner], list[Path]] = defaultdict(list)
        found = [path for place in directories for within in _WITHIN for path in place.glob(within)]
        for path in sorted(path for path in found if path.parent.name not in _OTHERS):
            with path.open(encoding="utf-8") as file:
                owner = _owner(file.readline())
            if owner is not None:
                self._paths[path.name, owner].append(path)
                self._paths[path.name, owner._replace(trial="")].append(path)

    def of(self, owner: Owner, file: str) -> "Repeated":
        """What this trial did: by its id, else the first of its harness, task and attempt."""
        for key in (owner, owner._replace(trial="")):
            if paths := self._paths.get((file, key)):
                return Repeated(paths[0])
        return Repeated(None)


class Repeated:
    """One recording, given back exchange by exchange."""

    def __init__(self, path: Path | None) -> None:
        self._left: dict[str, deque[Exchange]] = defaultdict(deque)
        if path is None:
            return
        exchanges: list[tuple[str, Exchange]] = []
        with path.open(encoding="utf-8") as file:
            next(file)
            for line in file:
                told = json.loads(line)
                if not told["refused"] and not told.get("dropped"):
                    exchanges.append((told["digest"], _exchange(told)))
        for digest, exchange in sorted(exchanges, key=lambda pair: pair[1].number):
            self._left[digest].append(exchange)

    def take(self, path: str, request: bytes) -> Exchange | None:
        """The next exchange with this request, or None."""
        found = self._left.get(_digest(path, request))
        return found.popleft() if found else None


def _digest(path: str, request: bytes) -> str:
    return hashlib.sha256(path.encode() + b"\0" + request).hexdigest()


def _stored(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _restored(stored: Any) -> bytes:
    if isinstance(stored, dict):
        return base64.b64decode(cast("dict[str, str]", stored)["base64"])
    return str(stored).encode()


def _owner(line: str) -> Owner | None:
    try:
        return Owner(**json.loads(line)["owner"])
    except (ValueError, KeyError, TypeError):
        return None


def _exchange(told: dict[str, Any]) -> Exchange:
    same = {name: told[name] for name in Exchange._fields if name in told}
    return Exchange(**same)._replace(
        request=_restored(told["request"]),
        answer=_restored(told["answer"]),
        usage=Usage(**told["usage"]) if told["usage"] else None,
    )
