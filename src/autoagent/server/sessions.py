"""Who else is calling: two sessions on one server play one climb, and each is told of the other.

A session is known by the protocol's own id. The protocol of 2026-07-28 has none: there it is known
by its client's name and version, and by its requests' numbers, which each session counts up for
itself. Over stdio there is one.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from mcp.server.mcpserver import Context

from autoagent.evidence.untrusted import quoted

RECENT_SECONDS = 120.0
SESSION_HEADER = "mcp-session-id"
DISORDER = 8
"""By how much the number of a request may be below an earlier one's: some are sent side by side."""

type Caller = tuple[str, str]
"""The client's name and version, and which of its sessions."""


class Counted:
    """The sessions of one client that has no ids for them, by the numbers of its requests."""

    def __init__(self) -> None:
        self._numbers: list[set[int]] = []

    def session(self, number: int) -> str:
        """Whose request this is: a session uses no number twice, and counts up."""
        fitting = [
            (max(seen), n)
            for n, seen in enumerate(self._numbers)
            if number not in seen and number > max(seen) - DISORDER
        ]
        index = max(fitting)[1] if fitting else len(self._numbers)
        if not fitting:
            self._numbers.append(set())
        self._numbers[index].add(number)
        return f"counted {index}"


class Sessions:
    """The sessions of one server: when each last called, and whether a call of it still waits."""

    def __init__(self) -> None:
        self._last: dict[Caller, float] = {}
        self._waiting: dict[Caller, int] = {}
        self._counted: dict[str, Counted] = {}

    @contextmanager
    def call(self, context: Context[Any, Any]) -> Generator[str]:
        """A call, from its start to its end; what to tell its caller of others, or nothing."""
        me, now = self._caller(context), time.monotonic()
        self._last[me] = now
        self._waiting[me] = self._waiting.get(me, 0) + 1
        try:
            yield " ".join(
                f"Another session ({quoted(name, 40)}) plays this climb too, unless that was you "
                "before a restart: let only one of the two go on."
                for (name, session), last in self._last.items()
                if (name, session) != me
                and (self._waiting[name, session] or now - last < RECENT_SECONDS)
            )
        finally:
            self._waiting[me] -= 1
            self._last[me] = time.monotonic()

    def _caller(self, context: Context[Any, Any]) -> Caller:
        parameters = context.session.client_params
        info = parameters.client_info if parameters else None
        name = f"{info.name} {info.version}" if info else ""
        request = context.request_context.request
        headers: dict[str, str] = getattr(request, "headers", None) or {}
        if SESSION_HEADER in headers or request is None or not context.request_id.isdecimal():
            return name, headers.get(SESSION_HEADER, "")
        return name, self._counted.setdefault(name, Counted()).session(int(context.request_id))
