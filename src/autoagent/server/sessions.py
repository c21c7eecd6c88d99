"""Who else is calling: two sessions on one server play one climb, and each is told of the other.

A session is known by the protocol's own id. The protocol of 2026-07-28 has none: there it is known
by its client's name and version alone, so two of the same client are one. Over stdio there is one.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from mcp.server.mcpserver import Context

from autoagent.evidence.untrusted import quoted

RECENT_SECONDS = 120.0
SESSION_HEADER = "mcp-session-id"


class Sessions:
    """The sessions of one server: when each last called, and whether a call of it still waits."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}
        self._waiting: dict[tuple[str, str], int] = {}

    @contextmanager
    def call(self, context: Context[Any, Any]) -> Generator[str]:
        """A call, from its start to its end; what to tell its caller of others, or nothing."""
        me, now = _caller(context), time.monotonic()
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


def _caller(context: Context[Any, Any]) -> tuple[str, str]:
    """The client's name and version, and its session's id where the protocol has one."""
    parameters = context.session.client_params
    info = parameters.client_info if parameters else None
    headers: dict[str, str] = getattr(context.request_context.request, "headers", None) or {}
    return f"{info.name} {info.version}" if info else "", headers.get(SESSION_HEADER, "")
