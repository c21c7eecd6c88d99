"""Whose calls are counted, and what they used, in the provider's own words.

The harness's claims are never read. An answer is read as it passes by: whole, or event by event
where it is streamed.
"""

import json
from typing import Any, Literal, NamedTuple, Self, cast

from autoagent.gateway.providers import Form
from autoagent.records import ModelUse

LINE_LIMIT = 16 * 1024 * 1024
Caller = Literal["trial", "verifier"]
"""On whose account a model is called: the gateway has a scope for each."""


class Owner(NamedTuple):
    """Whose calls a scope's are. `digest` names the harness's content."""

    trial: str
    task: str
    attempt: int
    digest: str


class Bill(NamedTuple):
    """What a trial used. Costs are None where a call has no known price.

    `fault` says what failed on the provider's side: such a trial is void. `stand_in`: it was
    the stand-in that answered. `answered`: the harness got an answer that it could use.
    """

    cost_usd: float | None
    judge_cost_usd: float | None
    use: ModelUse
    fault: str | None
    stand_in: bool = False
    answered: bool = False

    @property
    def total_usd(self) -> float | None:
        """The harness's model and the verifiers'; None where either is unknown."""
        known = [cost for cost in (self.cost_usd, self.judge_cost_usd) if cost is not None]
        return sum(known) if known else None


class Usage(NamedTuple):
    """Tokens. `input` includes `cached` and `written`; `output` includes `reasoning`.

    `written` and `written_long` went into a prompt cache for minutes, or for an hour.
    """

    input: int = 0
    cached: int = 0
    written: int = 0
    written_long: int = 0
    output: int = 0
    reasoning: int = 0
    tier: str = ""

    @property
    def whole(self) -> Self:
        """The same with every count within what it is a part of."""
        cached = min(self.cached, self.input)
        written = min(self.written, self.input - cached)
        return self._replace(
            cached=cached,
            written=written,
            written_long=min(self.written_long, self.input - cached - written),
            reasoning=min(self.reasoning, self.output),
        )


class Meter:
    """Reads one answer as it passes and keeps the last usage it tells; None until then."""

    def __init__(self, form: Form, *, streamed: bool) -> None:
        self._form: Form = form
        self._streamed = streamed
        self._pending = bytearray()
        self._lost = False
        self._facts: dict[str, Any] = {}
        self._tier = ""
        self.answered_by = ""
        """The model that the answer names, beside its usage."""

    def feed(self, data: bytes) -> None:
        """The next bytes of the answer."""
        if self._lost:
            return
        self._pending += data
        if self._streamed and b"\n" in data:
            *lines, rest = bytes(self._pending).split(b"\n")
            self._pending = bytearray(rest)
            for line in lines:
                if line.startswith(b"data:") and b'"usage"' in line:
                    self._read(line[5:])
        if len(self._pending) > LINE_LIMIT:
            self._pending.clear()
            self._lost = True

    def end(self) -> Usage | None:
        """What was used, or None where the answer did not say."""
        if self._form == "count_tokens":  # costs nothing
            return Usage()
        rest = bytes(self._pending)
        if not self._streamed:
            self._read(rest)
        elif rest.startswith(b"data:"):
            self._read(rest[5:])
        return _usage(self._form, self._facts, self._tier) if self._facts else None

    def _read(self, text: bytes) -> None:
        try:
            told: Any = json.loads(text)
        except (ValueError, RecursionError):
            return
        body = json_object(told)
        for part in (body, json_object(body.get("response")), json_object(body.get("message"))):
            if isinstance(part.get("service_tier"), str):
                self._tier = part["service_tier"]
            if isinstance(part.get("model"), str):
                self.answered_by = part["model"][:120]
            usage = json_object(part.get("usage"))
            # Anthropic tells the input first and the output, a running total, later.
            self._facts |= {name: value for name, value in usage.items() if value is not None}


def _usage(form: Form, told: dict[str, Any], tier: str) -> Usage | None:
    tier = told["service_tier"] if isinstance(told.get("service_tier"), str) else tier
    if form == "messages":
        long = _count(told.get("cache_creation"), "ephemeral_1h_input_tokens")
        written = max(0, _count(told, "cache_creation_input_tokens") - long)
        cached = _count(told, "cache_read_input_tokens")
        usage = Usage(
            input=_count(told, "input_tokens") + cached + written + long,
            cached=cached,
            written=written,
            written_long=long,
            output=_count(told, "output_tokens"),
            tier=tier,
        )
    else:
        into, out = ("input", "output") if form == "responses" else ("prompt", "completion")
        usage = Usage(
            input=_count(told, f"{into}_tokens"),
            cached=_count(told.get(f"{into}_tokens_details"), "cached_tokens"),
            output=_count(told, f"{out}_tokens"),
            reasoning=_count(told.get(f"{out}_tokens_details"), "reasoning_tokens"),
            tier=tier,
        )
    return usage.whole if usage.input or usage.output else None


def json_object(value: Any) -> dict[str, Any]:
    """A JSON value as an object; empty where it is none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _count(told: Any, name: str) -> int:
    value = json_object(told).get(name)
    return value if isinstance(value, int) and 0 <= value < 2**40 else 0
