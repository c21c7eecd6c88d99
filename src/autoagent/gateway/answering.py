"""What goes back to the harness while it is metered: chunk by chunk, or whole.

An answer is the provider's, byte for byte, but for a key that it repeats and the usage that
only the gateway asked for.
"""

import asyncio
import json
import re
from typing import Any, cast

from starlette.types import Send

from autoagent.gateway.redact import Redactor

_BETWEEN = re.compile(rb"(\r?\n\r?\n)")


class Answer:
    """One answer on its way; it goes on being read when nobody listens any more."""

    def __init__(self, send: Send, redactor: Redactor, *, hides_usage: bool, kept: int) -> None:
        """Keep the first `kept` bytes for the recording."""
        self._send, self._redactor, self._kept = send, redactor, kept
        self._hides_usage, self._pending = hides_usage, b""
        self._copy = bytearray()

    @property
    def sent(self) -> bytes:
        """What the harness was sent, up to the limit."""
        return bytes(self._copy)

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The status and the headers."""
        shown = [(name, self._redactor.data(value)) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": shown})

    async def part(self, data: bytes) -> None:
        """The next bytes of a stream."""
        if self._hides_usage:
            data = self._without_usage(data)
        if data:
            first = not self._copy
            await self._body(self._redactor.data(data), more=True)
            if first:
                await asyncio.sleep(0)  # it leaves now, whatever has arrived behind it

    async def finish(self, data: bytes = b"") -> None:
        """The last bytes."""
        rest, self._pending = self._pending, b""
        await self._body(self._redactor.data(rest + data), more=False)
        await asyncio.sleep(0)  # it leaves now; counting and writing it down come after

    async def _body(self, data: bytes, *, more: bool) -> None:
        self._copy += data[: max(0, self._kept - len(self._copy))]
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _without_usage(self, data: bytes) -> bytes:
        """Whole events, but for the one that the harness did not ask for."""
        pieces = _BETWEEN.split(self._pending + data)
        self._pending = pieces.pop()
        pairs = zip(pieces[::2], pieces[1::2], strict=True)
        return b"".join(event + end for event, end in pairs if not _only_usage(event))


def _only_usage(event: bytes) -> bool:
    if not event.startswith(b"data:") or b'"usage"' not in event:
        return False
    try:
        told: Any = json.loads(event[5:])
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict):
        return False
    known = cast("dict[str, Any]", told)
    return known.get("choices") == [] and bool(known.get("usage"))
