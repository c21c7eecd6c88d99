"""Headers between a harness and its provider: what goes through, the key, and how long to wait."""

import email.utils
import re
import time
from collections.abc import Iterable

import httpx2

from autoagent.gateway.plan import Upstream

_NOT_FORWARDED = re.compile(
    rb"connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|host|via"
    rb"|forwarded|x-forwarded-.*|proxy-(authenticate|authorization|connection)"
    rb"|authorization|api-key|x-api-key|cookie|set-cookie"
    rb"|accept-encoding",
    re.IGNORECASE | re.DOTALL,
)
"""Hop-by-hop headers, everything that authenticates, and encodings that hide the usage."""

Headers = list[tuple[bytes, bytes]]


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request or of an answer that go through."""
    return [(name, value) for name, value in headers if not _NOT_FORWARDED.fullmatch(name)]


def auth_headers(upstream: Upstream, key: str | None) -> Headers:
    """How the key is sent."""
    if key is None:
        return []
    if upstream.auth == "bearer":
        return [(b"authorization", f"Bearer {key}".encode())]
    return [(upstream.auth.encode(), key.encode())]


def retry_after(response: httpx2.Response) -> float | None:
    """Seconds the provider asks to wait: milliseconds, seconds, or a date."""
    try:
        if milliseconds := response.headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        told = response.headers.get("retry-after", "")
        if told.replace(".", "", 1).isdigit():
            return float(told)
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
